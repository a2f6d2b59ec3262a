# mtv with everything its commands need: qemu-img, virt-v2v, libvirt's embedded driver.
#
#   docker build -t mtv .
#   docker run --rm -v "$PWD":/project -w /project -e VC1_PASSWORD mtv collect
#
# The base can be replaced where no registry is at hand: --build-arg BASE=localhost/debian:bookworm
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE}

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates gcc guestfs-tools libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-system libvirt-dev \
      linux-image-cloud-amd64 nbdkit ovmf pkg-config python3-dev python3-venv qemu-system-common qemu-system-x86 qemu-utils \
      seabios util-linux virt-v2v \
 && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml README.md LICENSE /src/
COPY mtv /src/mtv
COPY mappings /src/mappings
COPY templates /src/templates
RUN python3 -m venv /opt/mtv && /opt/mtv/bin/pip install --no-cache-dir '/src[all]'

ENV PATH=/opt/mtv/bin:$PATH
ENTRYPOINT ["mtv"]
