package mosn

// What filters say from any goroutine: each method takes the stream's mutex.

// enter goes from a state to running; false if the state is another one.
func (p *pass) enter(from passState) bool {
	p.stream.mutex.Lock()
	defer p.stream.mutex.Unlock()
	if p.state != from {
		return false
	}
	p.state = running
	return true
}

// finish ends the pass: what is said later comes too late. It gives the answer if there is one.
func (p *pass) finish() *reply {
	p.stream.mutex.Lock()
	defer p.stream.mutex.Unlock()
	p.state = over
	return p.reply
}

func (p *pass) goTo(next int) {
	p.stream.mutex.Lock()
	defer p.stream.mutex.Unlock()
	p.next = next
}

func (p *pass) expectNothing() {
	p.stream.mutex.Lock()
	defer p.stream.mutex.Unlock()
	p.resumed = false
}

func (p *pass) answered() bool {
	p.stream.mutex.Lock()
	defer p.stream.mutex.Unlock()
	return p.reply != nil
}

// pause lets the pass wait, unless the filter has gone on or answered already.
func (p *pass) pause() bool {
	p.stream.mutex.Lock()
	defer p.stream.mutex.Unlock()
	if p.resumed || p.reply != nil {
		return false
	}
	if p.state == running {
		p.state = waiting
	}
	return true
}

// resume goes on behind the step that waits. It is ignored if another one says it.
func (p *pass) resume(from step) {
	p.stream.mutex.Lock()
	mine := p.next < len(p.steps) && p.steps[p.next] == from
	wakes := mine && p.state == waiting
	if wakes {
		p.state = running
	} else if mine && p.state == running {
		p.resumed = true
	}
	p.stream.mutex.Unlock()
	if wakes {
		p.workElsewhere(from)
	}
}

// answer ends the pass with a reply: when the filter that runs returns, or at once if one waits. The
// first answer counts. It is false if the pass is not at work.
func (p *pass) answer(r *reply) bool {
	p.stream.mutex.Lock()
	if p.state == running {
		if p.reply == nil {
			p.reply = r
		}
		p.stream.mutex.Unlock()
		return true
	}
	sends := p.state == waiting
	if sends {
		p.state = over
	}
	p.stream.mutex.Unlock()
	if sends {
		p.send(r)
	}
	return sends
}

func (p *pass) send(r *reply) {
	callbacks := p.callbacks()
	defer callbacks.RecoverPanic() // the stream may have gone meanwhile
	callbacks.SendLocalReply(r.code, r.body, r.headers, -1, r.details)
}
