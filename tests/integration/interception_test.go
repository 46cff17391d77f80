package integration

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// inNamespace moves the calling goroutine, and what it starts, to a network of its own in which `commands` have run; it
// skips the test where that is not possible: not root, no iptables, no such target in the kernel.
func inNamespace(t *testing.T, commands ...string) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Skip("cannot make a network namespace: ", err)
	}
	for _, command := range append([]string{"ip link set lo up"}, commands...) {
		if output, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Skipf("%s: %v: %s", command, err, output)
		}
	}
}

// interceptors has listeners that are bound to no port, behind one that is and that gets what is redirected.
func interceptors(port int, fields string) func(string) []string {
	return func(string) []string {
		chain := func(name string) string { return "filter_chains: [" + tcpChain(name, "", name) + "]" }
		return []string{
			bareListener("first", "0.0.0.0", port, "use_original_dst: true, "+fields, chain("first")),
			bareListener("first6", "::", port, "use_original_dst: true, "+fields, chain("first")),
			bareListener("exact", "10.9.0.1", 80, "bind_to_port: false,", chain("exact")),
			bareListener("wild", "0.0.0.0", 80, "bind_to_port: false,", chain("wild")),
			bareListener("exact6", "fd09::1", 80, "bind_to_port: false,", chain("exact6")),
			bareListener("wild6", "::", 80, "bind_to_port: false,", chain("wild6")),
		}
	}
}

func testIntercepted(t *testing.T, program string, port int, fields string) {
	startListeners(t, program, []string{"first", "exact", "wild", "exact6", "wild6"}, interceptors(port, fields), port)
	for _, c := range [][2]string{
		{"10.9.0.1:80", "exact"}, {"10.9.0.2:80", "wild"}, {"10.9.0.1:81", "first"},
		{"[fd09::1]:80", "exact6"}, {"[fd09::2]:80", "wild6"}, {"[fd09::1]:81", "first"},
		{fmt.Sprintf("127.0.0.1:%d", port), "first"}, // not redirected
	} {
		if got := sayAll(t, c[0], nil); got != c[1] {
			t.Errorf("to %s: %q, not %q", c[0], got, c[1])
		}
	}
}

func TestRedirectedConnectionsIfRootAndIptables(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		const port = 15001
		inNamespace(t, "ip route add local 10.9.0.0/16 dev lo", "ip -6 route add local fd09::/16 dev lo",
			"iptables -t nat -A OUTPUT -p tcp -d 10.9.0.0/16 -j REDIRECT --to-ports 15001",
			"ip6tables -t nat -A OUTPUT -p tcp -d fd09::/16 -j REDIRECT --to-ports 15001")
		testIntercepted(t, program, port, "")
	})
}

func TestTransparentConnectionsIfRootAndIptables(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		const port = 15002
		// Another source than the destination: answers must not be caught, too.
		inNamespace(t, "ip route add local 10.9.0.0/16 dev lo src 127.0.0.1", "ip -6 route add local fd09::/16 dev lo src ::1",
			"iptables -t mangle -A PREROUTING -p tcp -d 10.9.0.0/16 -j TPROXY --on-port 15002 --tproxy-mark 1",
			"ip6tables -t mangle -A PREROUTING -p tcp -d fd09::/16 -j TPROXY --on-port 15002 --tproxy-mark 1",
			"ip rule add fwmark 1 lookup 100", "ip route add local 0.0.0.0/0 dev lo table 100",
			"ip -6 rule add fwmark 1 lookup 100", "ip -6 route add local ::/0 dev lo table 100")
		testIntercepted(t, program, port, "transparent: true,")
	})
}
