package integration

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// Clients whose connections the kernel has taken, but not yet moe, when it begins to drain.
func TestDrainServesWhoHasConnected(t *testing.T) {
	port := freePort(t)
	m := startProgram(t, binary(t), []string{"--concurrency", "1"}, httpConfig(port,
		[]string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil), port)
	_ = m.cmd.Process.Signal(syscall.SIGSTOP)
	clients := make([]net.Conn, 500)
	for i := range clients {
		connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), deadline)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(deadline))
		clients[i] = connection
		if i > 0 { // the first stays silent, and must not hold up the end
			fmt.Fprint(connection, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		}
	}
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	_ = m.cmd.Process.Signal(syscall.SIGCONT)
	failures := 0
	for _, connection := range clients[1:] {
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil || response.StatusCode != 200 {
			failures++
		}
	}
	if failures > 0 {
		t.Errorf("%d of %d clients got no answer", failures, len(clients)-1)
	}
	select {
	case err := <-m.done:
		m.done <- err
		expect(t, "end", err, nil)
	case <-time.After(deadline):
		t.Error("the drain does not end")
	}
}
