package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stdoutLog is an access_log that writes lines of a format to standard output; more is further fields.
func stdoutLog(format, more string) string {
	return fmt.Sprintf(`access_log: [{name: out, %styped_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, `+
		`log_format: {text_format_source: {inline_string: "%s\n"}}}}]`, more, format)
}

// outputs waits until moe has written a text.
func (m *moe) outputs(t *testing.T, text string) {
	t.Helper()
	eventually(t, func() string {
		if !strings.Contains(m.output.String(), text) {
			return m.output.String()
		}
		return ""
	})
}

func TestLogsNameTheFilterChain(t *testing.T) {
	named := func(config string) string {
		return strings.Replace(config, "    - filters:", "    - name: front door\n      filters:", 1)
	}
	port := freePort(t)
	m := start(t, named(httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil,
		stdoutLog("chain %FILTER_CHAIN_NAME% %REQ(:PATH)%", ""))), port)
	exchange(t, h1.client(t), port, "/one", nil)
	exchange(t, h2.client(t), port, "/two", nil)
	m.outputs(t, "chain front door /one\n")
	m.outputs(t, "chain front door /two\n")

	port = freePort(t)
	config := fmt.Sprintf(tcpConfig, port, staticCluster("echo", "", backend(t, target)))
	config = strings.Replace(config, "          cluster: echo\n", "          cluster: echo\n          "+
		stdoutLog("chain %FILTER_CHAIN_NAME% %UPSTREAM_CLUSTER%", "")+"\n", 1)
	m = start(t, named(config), port)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprint(connection, "GET / HTTP/1.0\r\n\r\n")
	_, _ = io.ReadAll(connection)
	m.outputs(t, "chain front door echo\n")
}

// As logrotate does it: move the file away, then SIGUSR1. SIGHUP, before it, changes nothing.
func TestASignalOpensLogsAgain(t *testing.T) {
	port := freePort(t)
	file := filepath.Join(t.TempDir(), "access.log")
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil,
		fmt.Sprintf(`access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: %q, `+
			`log_format: {text_format_source: {inline_string: "%%REQ(:PATH)%%\n"}}}}]`, file)), port)
	holds := func(name, want string) {
		t.Helper()
		eventually(t, func() string {
			if text, err := os.ReadFile(name); err != nil || string(text) != want {
				return fmt.Sprintf("%s: %q %v", name, text, err)
			}
			return ""
		})
	}
	exchange(t, h1.client(t), port, "/old", nil)
	holds(file, "/old\n")
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	for _, signal := range []os.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
		if err := m.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	holds(file, "")
	exchange(t, h1.client(t), port, "/new", nil)
	holds(file, "/new\n")
	holds(file+".1", "/old\n")
}

func TestTheRuntimeChangesALogFilter(t *testing.T) {
	port := freePort(t)
	config := "layered_runtime: {layers: [{name: l, static_layer: {log.from: 300}}]}\n" +
		httpConfig(port, []string{"{match: {prefix: /not}, direct_response: {status: 200}}", "{match: {prefix: /}, direct_response: {status: 302}}"}, nil,
			stdoutLog("logged %REQ(:PATH)%",
				"filter: {status_code_filter: {comparison: {op: GE, value: {default_value: 400, runtime_key: log.from}}}}, "))
	m := startProgram(t, binary(t), []string{"--strict", "-l", "info"}, config, port)
	exchange(t, h1.client(t), port, "/not", nil)
	exchange(t, h1.client(t), port, "/moved", nil)
	m.outputs(t, "logged /moved\n")
	if strings.Contains(m.output.String(), "logged /not") {
		t.Error(m.output)
	}
}
