package supervisor

import (
	"reflect"
	"testing"
)

func TestOwnEnviron(t *testing.T) {
	got := ownEnviron([]string{
		"PATH=/agent/bin", "HOST_PROC=/rootfs/proc", "DKE_K8S_URL=https://k", "KUBERNETES_SERVICE_HOST=10.0.0.1",
		"ENV_DATAWAY=https://x?token=secret", "AWS_SECRET_ACCESS_KEY=y", "GOMEMLIMIT=1GiB",
	})
	want := []string{defaultPath, "PATH=/agent/bin", "HOST_PROC=/rootfs/proc", "DKE_K8S_URL=https://k", "KUBERNETES_SERVICE_HOST=10.0.0.1", "GOMEMLIMIT=1GiB"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := ownEnviron(nil); len(got) != 1 || got[0] != defaultPath {
		t.Errorf("without anything: %q", got)
	}
}

func TestForeignEnviron(t *testing.T) {
	agent := []string{"AWS_SECRET_ACCESS_KEY=y", "ENV_DATAWAY=https://x?token=secret", "PATH=/bin"}
	if got, want := foreignEnviron(agent), []string{"AWS_SECRET_ACCESS_KEY=y", "PATH=/bin"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if agent[1] != "ENV_DATAWAY=https://x?token=secret" {
		t.Errorf("the environment of the agent became %q", agent)
	}
}
