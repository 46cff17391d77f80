package integration

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// named is a backend that answers with its name and counts.
type named struct {
	address  string
	requests atomic.Int64
}

func namedBackend(t *testing.T, name string) *named {
	t.Helper()
	n := &named{}
	n.address = backend(t, func(w http.ResponseWriter, r *http.Request) {
		n.requests.Add(1)
		fmt.Fprint(w, name)
	})
	return n
}

// load is clients that ask one after the other, without pause, until they are stopped.
type load struct {
	t        *testing.T
	done     chan struct{}
	group    sync.WaitGroup
	requests atomic.Int64
	mutex    sync.Mutex
	failures []string
}

func startLoad(t *testing.T, port int) *load {
	l := &load{t: t, done: make(chan struct{})}
	for range 4 {
		l.group.Add(1)
		go func() {
			defer l.group.Done()
			client := &http.Client{Transport: &http.Transport{}, Timeout: deadline}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-l.done:
					return
				default:
				}
				l.requests.Add(1)
				if failure := l.one(client, port); failure != "" {
					l.mutex.Lock()
					l.failures = append(l.failures, failure)
					l.mutex.Unlock()
				}
			}
		}()
	}
	t.Cleanup(func() { l.end() })
	return l
}

func (l *load) one(client *http.Client, port int) string {
	response, err := client.Get(url(port, "/"))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	if response.StatusCode != 200 {
		return fmt.Sprintf("%d %s", response.StatusCode, body)
	}
	return ""
}

func (l *load) end() {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	l.group.Wait()
}

// some waits for so many requests more.
func (l *load) some(n int64) {
	before := l.requests.Load()
	becomesTrue(l.t, func() string { return "requests do not go on" }, func() bool { return l.requests.Load() >= before+n })
}

// stop ends it; not one may have failed.
func (l *load) stop() {
	l.t.Helper()
	l.some(20)
	l.end()
	if len(l.failures) > 0 {
		l.t.Errorf("%d of %d requests failed: %s", len(l.failures), l.requests.Load(), l.failures[0])
	}
}
