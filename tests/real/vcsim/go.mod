// The test vCenter: a small main around the simulator package of govmomi.
// govmomi's own command is a module that the Go proxy does not serve.
module mtv-vcsim

go 1.25.0

require github.com/vmware/govmomi v0.56.0

require (
	github.com/google/uuid v1.6.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)
