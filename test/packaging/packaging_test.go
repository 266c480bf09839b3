// Package packaging checks what is shipped beside the binaries: the systemd
// unit, the Kubernetes manifests, the script behind make run.
package packaging

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/all"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/plugins"
)

const root = "../../packaging"

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// unit is a systemd unit: section/key to values.
func unit(t *testing.T) map[string][]string {
	t.Helper()
	keys, section := map[string][]string{}, ""
	for line := range strings.Lines(read(t, "systemd/datakit.service")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			k, v, ok := strings.Cut(line, "=")
			if !ok {
				t.Fatalf("not a setting: %s", line)
			}
			keys[section+"/"+k] = append(keys[section+"/"+k], v)
		}
	}
	return keys
}

// TestSystemdAccepts asks systemd itself. The program is replaced by one that
// is here, since the agent is not installed.
func TestSystemdAccepts(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing")
	}
	text := strings.Replace(read(t, "systemd/datakit.service"), "ExecStart=/usr/local/datakit/datakit", "ExecStart=/bin/true", 1)
	file := filepath.Join(t.TempDir(), "datakit.service")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
	var mine []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "datakit.service") {
			mine = append(mine, line)
		}
	}
	if len(mine) > 0 {
		t.Errorf("systemd-analyze verify (%v):\n%s", err, strings.Join(mine, ""))
	}
}

func TestUnit(t *testing.T) {
	u := unit(t)
	want := map[string]string{
		"Service/Restart":            "always",
		"Service/NoNewPrivileges":    "yes",
		"Service/Delegate":           "cpu memory", // hard limits of collectors
		"Unit/StartLimitIntervalSec": "0",
	}
	for key, value := range want {
		if !slices.Equal(u[key], []string{value}) {
			t.Errorf("%s is %v, want %s", key, u[key], value)
		}
	}
	if u["Service/RestrictNamespaces"] != nil {
		t.Error("RestrictNamespaces keeps the collector out of the namespaces of containers")
	}
}

// documents decodes all documents of the manifest.
func documents(t *testing.T) (all []map[string]any) {
	t.Helper()
	for dec := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes/datakit.yaml"))); ; {
		var doc map[string]any
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, doc)
	}
}

// at walks nested maps and lists of one element.
func at(t *testing.T, v any, path ...string) any {
	t.Helper()
	for _, key := range path {
		if list, ok := v.([]any); ok && len(list) == 1 {
			v = list[0]
		}
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("%s is not in a map", key)
		}
		v = m[key]
	}
	return v
}

func texts(t *testing.T, v any, path ...string) (all []string) {
	t.Helper()
	list, _ := at(t, v, path...).([]any)
	for _, e := range list {
		all = append(all, e.(string))
	}
	return all
}

func kind(t *testing.T, name string) map[string]any {
	t.Helper()
	for _, d := range documents(t) {
		if d["kind"] == name {
			return d
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

func pod(t *testing.T) any {
	t.Helper()
	return at(t, kind(t, "DaemonSet"), "spec", "template", "spec")
}

func TestDaemonSetIsNotPrivileged(t *testing.T) {
	security := at(t, pod(t), "containers", "securityContext")
	if at(t, security, "privileged") != false {
		t.Error("the container is privileged")
	}
	if drop := texts(t, security, "capabilities", "drop"); !slices.Equal(drop, []string{"ALL"}) {
		t.Errorf("drops %v, want ALL", drop)
	}
	var service []string
	for _, c := range strings.Fields(strings.Join(unit(t)["Service/CapabilityBoundingSet"], " ")) {
		service = append(service, strings.TrimPrefix(c, "CAP_"))
	}
	if add := texts(t, security, "capabilities", "add"); !slices.Equal(add, service) {
		t.Errorf("capabilities differ:\nDaemonSet %v\nservice   %v", add, service)
	}
}

func TestDaemonSetReferences(t *testing.T) {
	volumes := map[string]bool{}
	for _, v := range at(t, pod(t), "volumes").([]any) {
		volumes[at(t, v, "name").(string)] = true
	}
	files := at(t, kind(t, "ConfigMap"), "data").(map[string]any)
	mounted := map[string]bool{}
	for _, m := range at(t, pod(t), "containers", "volumeMounts").([]any) {
		name := at(t, m, "name").(string)
		if !volumes[name] {
			t.Errorf("volume %s is mounted and not declared", name)
		}
		mounted[name] = true
		if sub, ok := at(t, m, "subPath").(string); ok && files[sub] == nil {
			t.Errorf("%s is not in the ConfigMap", sub)
		}
	}
	if len(mounted) != len(volumes) {
		t.Errorf("volumes %v, mounted %v", volumes, mounted)
	}
	spec := at(t, kind(t, "DaemonSet"), "spec")
	labels, selected := at(t, spec, "template", "metadata", "labels"), at(t, spec, "selector", "matchLabels")
	if app := at(t, labels, "app"); app == nil || app != at(t, selected, "app") {
		t.Error("the selector does not match the labels of the pod")
	}
	for _, d := range documents(t) {
		if ns := at(t, d, "metadata", "namespace"); d["kind"] != "Namespace" && ns != "datakit" {
			t.Errorf("%s is in namespace %v", d["kind"], ns)
		}
	}
}

// TestConfigurations: what the manifest and make run configure is read by the
// same code as in the agent.
func TestConfigurations(t *testing.T) {
	noEnv := func(string) (string, bool) { return "", false }
	type pair struct{ main, ebpf string }
	pairs := map[string]pair{}

	data := at(t, kind(t, "ConfigMap"), "data")
	pairs["kubernetes"] = pair{at(t, data, "datakit.conf").(string), at(t, data, "ebpf.conf").(string)}

	here := regexp.MustCompile(`(?s)<<'CONF'\n(.*?)\nCONF\n`).FindAllStringSubmatch(read(t, "run.sh"), -1)
	if len(here) != 2 {
		t.Fatalf("run.sh writes %d files, want 2", len(here))
	}
	pairs["make run"] = pair{here[0][1], here[1][1]}

	for name, p := range pairs {
		t.Run(name, func(t *testing.T) {
			if _, warnings, err := config.ParseMain("datakit.conf", p.main, noEnv); err != nil || len(warnings) > 0 {
				t.Errorf("datakit.conf: %v %v", err, warnings)
			}
			sections, mistakes := config.ParseSections("ebpf.conf", p.ebpf, noEnv)
			if len(mistakes) > 0 || len(sections) != 1 || sections[0].Input != "ebpf" {
				t.Fatalf("ebpf.conf: %v %v", sections, mistakes)
			}
			if err := sections[0].Decode(plugins.DefaultEBPF(), noEnv); err != nil {
				t.Errorf("ebpf.conf: %v", err)
			}
		})
	}
}

// TestDaemonSetInputs: each input that the environment enables is one of the
// agent's and runs once, also when the ConfigMap has a block of it.
func TestDaemonSetInputs(t *testing.T) {
	env := map[string]string{}
	for _, e := range at(t, pod(t), "containers", "env").([]any) {
		value, _ := at(t, e, "value").(string)
		env[at(t, e, "name").(string)] = value
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	data := at(t, kind(t, "ConfigMap"), "data")
	main, _, err := config.ParseMain("datakit.conf", at(t, data, "datakit.conf").(string), lookup)
	if err != nil {
		t.Fatal(err)
	}
	sections, _ := config.ParseSections("ebpf.conf", at(t, data, "ebpf.conf").(string), lookup)
	sections, _ = config.ParseEnabled(main.DefaultEnabledInputs).Apply(sections, "env")
	var got []string
	for _, s := range sections {
		got = append(got, s.Input)
	}
	want := []string{"ebpf", "cpu", "disk", "diskio", "mem", "swap", "system", "hostobject", "net", "host_processes", "container"}
	if !slices.Equal(got, want) {
		t.Errorf("inputs %v, want %v", got, want)
	}
	for _, input := range got {
		if !slices.ContainsFunc(all.Factories(), func(f inputs.Factory) bool { return f.Name == input }) {
			t.Errorf("there is no input %s", input)
		}
	}
}

func TestScriptParses(t *testing.T) {
	for _, script := range []string{"run.sh", "../.ci/run", "../test/vm/test.sh", "../test/vm/exec.sh", "../test/vm/kernel.sh", "../test/vm/initramfs.sh"} {
		var stderr bytes.Buffer
		cmd := exec.Command("bash", "-n", filepath.Join(root, script))
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, stderr.Bytes())
		}
		info, err := os.Stat(filepath.Join(root, script))
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s is not executable (%v)", script, err)
		}
	}
}
