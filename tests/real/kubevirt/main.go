// The admission of KubeVirt without a cluster: it reads VirtualMachines as JSON, one a line, and
// answers each with a line, the list of the reasons for which virt-api would refuse it.
//
//	{"causes": ["spec.template.spec.domain.memory: ..."]}
//
// setup/kubevirt.sh builds it inside of KubeVirt's own module, once for each version. Its arguments are
// the feature gates that are open.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "kubevirt.io/api/core/v1"

	"kubevirt.io/kubevirt/pkg/defaults"
	"kubevirt.io/kubevirt/pkg/network/admitter"
	"kubevirt.io/kubevirt/pkg/testutils"
	webhookutils "kubevirt.io/kubevirt/pkg/util/webhooks"
	"kubevirt.io/kubevirt/pkg/virt-api/webhooks"
	"kubevirt.io/kubevirt/pkg/virt-api/webhooks/validating-webhook/admitters"
	virtconfig "kubevirt.io/kubevirt/pkg/virt-config"
)

const longestLine = 16 << 20

type answer struct {
	Causes []string `json:"causes"`
}

func main() {
	config, _, _ := testutils.NewFakeClusterConfigUsingKVConfig(&v1.KubeVirtConfiguration{
		DeveloperConfiguration: &v1.DeveloperConfiguration{FeatureGates: os.Args[1:]},
	})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		if err := answers.Encode(answer{refusals(lines.Bytes(), config)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// refusals does what virt-api does when a VirtualMachine is made, and what it will do with the
// VirtualMachineInstance when it starts: a VM may be taken that can never run.
func refusals(raw []byte, config *virtconfig.ClusterConfig) []string {
	if refused := webhookutils.ValidateSchema(v1.VirtualMachineGroupVersionKind, raw); refused != nil {
		return told(refused)
	}
	vm := v1.VirtualMachine{}
	if err := json.Unmarshal(raw, &vm); err != nil {
		return []string{err.Error()}
	}
	if vm.Spec.Template == nil {
		return []string{"spec.template: there is none"}
	}
	spec := &vm.Spec.Template.Spec
	if err := defaults.SetDefaultVirtualMachineInstanceSpec(config, spec); err != nil {
		return []string{err.Error()}
	}
	found := named(admitter.NewValidator(field.NewPath("spec"), spec, config).ValidateCreation())
	found = append(found, named(ofVirtualMachine(&vm.Spec, config))...)
	return append(found, ofInstance(vm.Spec.Template, config)...)
}

// ofVirtualMachine calls ValidateVirtualMachineSpec, whose last parameter has another type in 1.4: the
// zero value of either stands for a user who is not KubeVirt itself.
func ofVirtualMachine(spec *v1.VirtualMachineSpec, config *virtconfig.ClusterConfig) []metav1.StatusCause {
	validate := reflect.ValueOf(admitters.ValidateVirtualMachineSpec)
	arguments := []reflect.Value{
		reflect.ValueOf(field.NewPath("spec")), reflect.ValueOf(spec), reflect.ValueOf(config),
		reflect.Zero(validate.Type().In(3)),
	}
	return validate.Call(arguments)[0].Interface().([]metav1.StatusCause)
}

func ofInstance(template *v1.VirtualMachineInstanceTemplateSpec, config *virtconfig.ClusterConfig) []string {
	raw, err := json.Marshal(v1.VirtualMachineInstance{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: "VirtualMachineInstance"},
		ObjectMeta: template.ObjectMeta,
		Spec:       template.Spec,
	})
	if err != nil {
		return []string{err.Error()}
	}
	review := admissionv1.AdmissionReview{Request: &admissionv1.AdmissionRequest{
		Resource: webhooks.VirtualMachineInstanceGroupVersionResource,
		Object:   runtime.RawExtension{Raw: raw},
	}}
	return told((&admitters.VMICreateAdmitter{ClusterConfig: config}).Admit(context.Background(), &review))
}

func told(response *admissionv1.AdmissionResponse) []string {
	if response.Allowed {
		return nil
	}
	if details := response.Result.Details; details != nil && len(details.Causes) > 0 {
		return named(details.Causes)
	}
	return []string{response.Result.Message}
}

func named(causes []metav1.StatusCause) []string {
	found := []string{}
	for _, each := range causes {
		found = append(found, each.Field+": "+each.Message)
	}
	return found
}
