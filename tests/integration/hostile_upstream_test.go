package integration

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// rawUpstream records every byte that reaches it and finds requests in them as a naive server would: the
// head ends at the first empty line, chunks win over a length. It answers each with what answer returns.
type rawUpstream struct {
	listener net.Listener
	answer   func(request seenRequest) (response string, close bool)

	mutex       sync.Mutex
	connections []*upstreamConnection
	seen        []seenRequest
	marks       map[string]chan struct{} // by the address of the connection that is one
}

type upstreamConnection struct {
	connection *net.TCPConn
	raw        syscall.RawConn
	recorded   []byte // all of it
	parsed     int    // so much of it were requests
	ended      bool
}

// seenRequest is a whole request as the bytes say.
type seenRequest struct {
	method, target string
	host           string
	head           string
	body           string
	trailers       []string
}

func startRawUpstream(t *testing.T, answer func(seenRequest) (string, bool)) *rawUpstream {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &rawUpstream{listener: listener, answer: answer, marks: map[string]chan struct{}{}}
	t.Cleanup(func() {
		listener.Close()
		u.mutex.Lock()
		defer u.mutex.Unlock()
		for _, c := range u.connections {
			c.connection.Close()
		}
	})
	go u.accept()
	return u
}

func (u *rawUpstream) address() string { return u.listener.Addr().String() }

func (u *rawUpstream) accept() {
	for {
		accepted, err := u.listener.Accept()
		if err != nil {
			return
		}
		connection := accepted.(*net.TCPConn)
		raw, err := connection.SyscallConn()
		if err != nil {
			continue
		}
		u.mutex.Lock()
		if mark, found := u.marks[connection.RemoteAddr().String()]; found {
			for _, c := range u.connections {
				u.drain(c)
			}
			close(mark)
			connection.Close()
		} else {
			c := &upstreamConnection{connection: connection, raw: raw}
			u.connections = append(u.connections, c)
			go u.serve(c)
		}
		u.mutex.Unlock()
	}
}

// serve takes bytes as they come. It reads under the lock, so that what has left the socket is recorded.
func (u *rawUpstream) serve(c *upstreamConnection) {
	_ = c.raw.Read(func(fd uintptr) bool {
		u.mutex.Lock()
		defer u.mutex.Unlock()
		u.receive(c, int(fd))
		return c.ended
	})
	c.connection.Close()
}

// drain takes what has arrived, without waiting.
func (u *rawUpstream) drain(c *upstreamConnection) {
	if !c.ended {
		_ = c.raw.Control(func(fd uintptr) { u.receive(c, int(fd)) })
	}
}

func (u *rawUpstream) receive(c *upstreamConnection, fd int) {
	buffer := make([]byte, 64<<10)
	for !c.ended {
		n, err := syscall.Read(fd, buffer)
		if err == syscall.EAGAIN {
			break
		}
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			c.ended = true
			break
		}
		c.recorded = append(c.recorded, buffer[:n]...)
	}
	for {
		request, size := naiveRequest(c.recorded[c.parsed:])
		if size == 0 {
			return
		}
		c.parsed += size
		u.seen = append(u.seen, request)
		response, end := u.answer(request)
		for len(response) > 0 {
			n, err := syscall.Write(fd, []byte(response))
			if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
				break
			}
			response = response[max(n, 0):]
		}
		if end {
			_ = syscall.Shutdown(fd, syscall.SHUT_WR)
		}
	}
}

// settle returns once every byte that has been sent to the upstream is recorded: connections are accepted in
// order, so all that came before the mark are known when it is.
func (u *rawUpstream) settle(t *testing.T) {
	t.Helper()
	u.mutex.Lock() // the mark is known before it is accepted
	mark := make(chan struct{})
	connection, err := net.Dial("tcp", u.address())
	if err != nil {
		u.mutex.Unlock()
		t.Fatal(err)
	}
	u.marks[connection.LocalAddr().String()] = mark
	u.mutex.Unlock()
	defer connection.Close()
	select {
	case <-mark:
	case <-time.After(deadline):
		t.Fatal("the upstream does not accept")
	}
}

// take returns what has been seen since the last time, and the connections that were left in the middle of a
// request and are still open: what comes next on them would be taken for the rest of it.
func (u *rawUpstream) take(t *testing.T) (requests []seenRequest, dangling []string) {
	t.Helper()
	u.settle(t)
	u.mutex.Lock()
	defer u.mutex.Unlock()
	requests, u.seen = u.seen, nil
	for _, c := range u.connections {
		if rest := c.recorded[c.parsed:]; len(rest) > 0 && !c.ended {
			dangling = append(dangling, fmt.Sprintf("%q", rest))
		}
	}
	return requests, dangling
}

// naiveRequest reads one request from the front of data; size 0: it is not whole yet.
func naiveRequest(data []byte) (request seenRequest, size int) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return request, 0
	}
	request.head = string(data[:end+2])
	lines := strings.Split(string(data[:end]), "\r\n")
	request.method, request.target, _ = strings.Cut(lines[0], " ")
	request.target = strings.TrimSuffix(request.target, " HTTP/1.1")
	request.host = strings.Join(request.values("host"), ",")
	rest := data[end+4:]
	if len(request.values("transfer-encoding")) > 0 {
		taken := naiveChunks(rest, &request)
		if taken == 0 {
			return request, 0
		}
		return request, end + 4 + taken
	}
	length := 0
	for _, value := range request.values("content-length") {
		length, _ = strconv.Atoi(value)
	}
	if len(rest) < length {
		return request, 0
	}
	request.body = string(rest[:length])
	return request, end + 4 + length
}

func naiveChunks(data []byte, request *seenRequest) (size int) {
	var body []byte
	at := 0
	line := func() (string, bool) {
		n := bytes.Index(data[at:], []byte("\r\n"))
		if n < 0 {
			return "", false
		}
		text := string(data[at : at+n])
		at += n + 2
		return text, true
	}
	for {
		text, whole := line()
		text, _, _ = strings.Cut(text, ";")
		length, err := strconv.ParseUint(text, 16, 31)
		if !whole || err != nil {
			return 0
		}
		if length == 0 {
			break
		}
		if uint64(len(data)-at) < length+2 {
			return 0
		}
		body = append(body, data[at:at+int(length)]...)
		at += int(length) + 2
	}
	for {
		text, whole := line()
		if !whole {
			return 0
		}
		if text == "" {
			request.body = string(body)
			return at
		}
		request.trailers = append(request.trailers, text)
	}
}

// values are those of a header, in order.
func (r seenRequest) values(name string) []string { return fieldValues(r.head, name) }

func fieldValues(head, name string) (values []string) {
	for _, line := range strings.Split(head, "\r\n")[1:] {
		key, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(key, name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}
