package integration

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The cases of gRPC's interoperability suite that need no cloud. pick_first_unary is not among them: it
// fails without a proxy too, since the published server does not say its id.
var interopCases = []string{
	"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
	"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response", "status_code_and_message",
	"special_status_message", "custom_metadata", "unimplemented_method", "unimplemented_service",
	"rpc_soak", "channel_soak", "orca_per_rpc", "orca_oob",
}

// gRPC's published interoperability client and server, moe between them.
func TestGRPCInterop(t *testing.T) {
	folder := t.TempDir()
	for _, program := range []string{"client", "server"} {
		build := exec.Command("go", "build", "-o", filepath.Join(folder, program), "google.golang.org/grpc/interop/"+program)
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	upstream := freePort(t)
	server := exec.Command(filepath.Join(folder, "server"), fmt.Sprintf("--port=%d", upstream))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	eventually(t, func() string {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", upstream))
		if err != nil {
			return err.Error()
		}
		connection.Close()
		return ""
	})
	for name, filters := range map[string][]string{"plain": nil, "with a Go filter": {goFilter(pluginPath(t), "")}} {
		port := freePort(t)
		start(t, httpConfigWith(filters, port, []string{"{match: {prefix: /}, route: {cluster: site, timeout: 0s}}"},
			[]string{h2.cluster("site", fmt.Sprintf("127.0.0.1:%d", upstream))}), port)
		for _, test := range interopCases {
			t.Run(name+"/"+test, func(t *testing.T) {
				client := exec.Command(filepath.Join(folder, "client"), "--server_host=127.0.0.1", fmt.Sprintf("--server_port=%d", port),
					"--test_case="+test, `--service_config_json={"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}`, "--soak_overall_timeout_seconds=60", "--soak_per_iteration_max_acceptable_latency_ms=60000")
				timer := time.AfterFunc(deadline, func() { _ = client.Process.Kill() })
				defer timer.Stop()
				if output, err := client.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, output)
				}
			})
		}
	}
}
