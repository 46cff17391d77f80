package mosn

import "sync"

// turns lets one thing of a stream run at a time, be it on the proxy's thread or on a goroutine: a
// MOSN filter need not fear that it is destroyed, logged or called for the response while it works
// on the request.
type turns struct {
	mutex sync.Mutex
	busy  bool
	queue []func()
}

// begin takes the turn if it is free; end must follow.
func (t *turns) begin() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.busy {
		return false
	}
	t.busy = true
	return true
}

// end gives the turn to what waits for it, on a goroutine.
func (t *turns) end() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.queue) == 0 {
		t.busy = false
		return
	}
	next := t.queue[0]
	t.queue = t.queue[1:]
	go t.do(next)
}

func (t *turns) do(f func()) {
	defer t.end()
	f()
}

// elsewhere runs f on a goroutine when it is its turn.
func (t *turns) elsewhere(f func()) {
	if !t.enqueue(f) {
		go t.do(f)
	}
}

// enqueue is false if the turn was free and is now the caller's.
func (t *turns) enqueue(f func()) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.busy {
		t.queue = append(t.queue, f)
		return true
	}
	t.busy = true
	return false
}
