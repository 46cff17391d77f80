package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

// configs/ads.yaml and the control plane that its first lines speak of, whose files change.
func TestTheConfigurationForADSFollowsItsFiles(t *testing.T) {
	t.Parallel()
	a, b := namedBackend(t, "a"), namedBackend(t, "b")
	port, admin, plane := freePort(t), freePort(t), freePort(t)
	ports := map[string]string{"10000": fmt.Sprint(port), "15000": fmt.Sprint(admin), "18000": fmt.Sprint(plane)}
	for site, address := range map[string]string{"9001": a.address, "9002": a.address} {
		_, ports[site], _ = net.SplitHostPort(address)
	}
	change := func(text string) string {
		for from, to := range ports {
			text = strings.ReplaceAll(text, "port_value: "+from+"}", "port_value: "+to+"}")
		}
		return text
	}
	folder := t.TempDir()
	program := filepath.Join(folder, "controlplane")
	if output, err := exec.Command("go", "build", "-o", program, "./cmd/controlplane").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	var files []string
	for _, name := range []string{"clusters.yaml", "listeners.yaml"} {
		text, err := os.ReadFile(filepath.Join("../../configs/xds", name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(folder, name))
		moveTo(t, files[len(files)-1], change(string(text)))
	}
	run := exec.Command(program, append([]string{"-every", "50ms", "-listen", fmt.Sprintf("127.0.0.1:%d", plane)}, files...)...)
	output := &lockedBuffer{}
	run.Stdout, run.Stderr = output, output
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	m := startProgram(t, binary(t), dynamicArguments, change(configText(t, "ads.yaml")), port, admin)
	p := &proxied{m, t, way{ads: true, delta: true}, startPlane(t, controlplane.Options{}), admin}
	p.answers(port, "/", 200, "a")
	_, site, _ := net.SplitHostPort(b.address)
	text, _ := os.ReadFile(files[0])
	moveTo(t, files[0], strings.ReplaceAll(string(text), ports["9001"], site))
	p.answers(port, "/", 200, "b")
	becomesTrue(t, func() string { return "requests are not shown: " + output.String() }, func() bool {
		return strings.Contains(output.String(), "Listener names=")
	})
}
