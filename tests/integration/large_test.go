package integration

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pattern is a body of a length that is made as it is read; it hashes what it gave.
type pattern struct {
	left int64
	hash hash.Hash
	next byte
}

func newPattern(size int64) *pattern { return &pattern{left: size, hash: sha256.New()} }

func (p *pattern) Read(out []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(out)), p.left))
	for i := range out[:n] {
		out[i] = p.next
	}
	p.next++
	p.hash.Write(out[:n])
	p.left -= int64(n)
	return n, nil
}

func (p *pattern) sum() string { return fmt.Sprintf("%x", p.hash.Sum(nil)) }

// readSlowly lets everything in between fill up before it begins, and at times later.
func readSlowly(from io.Reader) (string, int64, error) {
	sum := sha256.New()
	total := int64(0)
	for {
		if total%(64<<20) == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		n, err := io.CopyN(sum, from, 1<<20)
		total += n
		if err == io.EOF {
			return fmt.Sprintf("%x", sum.Sum(nil)), total, nil
		}
		if err != nil {
			return "", total, err
		}
	}
}

// residentKiB is what a process keeps in memory, or has kept at most.
func residentKiB(t *testing.T, pid int, field string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, field+":"); found {
			value, _ := strconv.Atoi(strings.Fields(rest)[0])
			return value
		}
	}
	t.Fatalf("no %s in %s", field, status)
	return 0
}

// A body of a GiB in each direction (less unless MOE_LONG is set), a slow reader at its end, and moe keeps next to nothing of it.
func TestAGigabyteNeedsLittleMemory(t *testing.T) {
	size, most := int64(1<<30), 32<<10
	if os.Getenv("MOE_PRESET") != "release" { // sanitizers are slow and keep memory of their own
		size, most = 32<<20, 0
	} else if os.Getenv("MOE_LONG") == "" {
		size = 128 << 20
	}
	everyPair(t, func(t *testing.T, down, up version) {
		port := freePort(t)
		address := up.backend(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				sum, total, err := readSlowly(r.Body)
				fmt.Fprintf(w, "%s %d %v", sum, total, err)
				return
			}
			body := newPattern(size)
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.Copy(w, body)
			w.Header().Set("X-Sum", body.sum())
		})
		m := start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site, timeout: 0s}}"},
			[]string{up.cluster("site", address)}, "http_protocol_options: {enable_trailers: true}"), port)
		client := down.client(t)
		client.Timeout = 10 * deadline
		body := newPattern(size)
		response, err := client.Post(url(port, "/"), "application/octet-stream", body)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		expect(t, "request body", string(text), fmt.Sprintf("%s %d <nil>", body.sum(), size))
		response, err = client.Get(url(port, "/"))
		if err != nil {
			t.Fatal(err)
		}
		sum, total, err := readSlowly(response.Body)
		response.Body.Close()
		expect(t, "response body", fmt.Sprint(sum, total, err), fmt.Sprint(response.Trailer.Get("X-Sum"), size, nil))
		peak := residentKiB(t, m.cmd.Process.Pid, "VmHWM")
		t.Logf("at most %d KiB resident", peak)
		if most > 0 && peak > most {
			t.Errorf("%d KiB resident, expected at most %d", peak, most)
		}
	})
}
