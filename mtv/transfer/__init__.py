"""Copies disks, block by block, and proves that the copy is the disk.

    source ── ranges ───> Reader (k threads) ────────> Base ──fdatasync──> ResumeFile
                                │ sha256 a grain                              │
                                └──────── Grains: what is known of each <─────┘
                                                │
                     Base re-read past the page cache, compared ──> the digest list

Start reading at ``copy.copy_disk``. ``crew`` are its threads, ``reading`` the ways to the source,
``bases`` what is written, ``records`` what is known of it; each imports only those named before it.
A disk is worked on in grains of 1 MiB: a grain is read, digested, written, made durable and then
recorded, in that order: whatever ends the process, what the resume file says is on the disk.
"""
