package controlplane

import (
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that ours is based on
	"google.golang.org/protobuf/proto"
)

// Manner is what becomes of connections that are accepted.
type Manner int

// Manners.
const (
	Serve  Manner = iota // as usual
	HangUp               // closed at once
	Silent               // accepted, and never answered
	Noise                // answered by bytes that are not HTTP/2, and closed
)

// Raw is sent in the place of a message, whatever it holds.
type Raw []byte

type faults struct {
	mutex   sync.Mutex
	changed chan struct{} // closed and replaced with each change
	manner  Manner
	delay   time.Duration
	held    bool
	refusal error
	rewrite func(proto.Message) any
}

func (f *faults) set(change func()) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// Behave sets the manner for connections to come, and ends those there are.
func (s *Server) Behave(manner Manner) {
	s.faults.set(func() { s.faults.manner = manner })
	s.Drop()
}

// Drop resets the connections there are.
func (s *Server) Drop() {
	s.mutex.Lock()
	listener := s.listener
	s.mutex.Unlock()
	listener.drop()
}

// Slow makes each response wait before it is sent.
func (s *Server) Slow(delay time.Duration) { s.faults.set(func() { s.faults.delay = delay }) }

// Hold keeps responses back until Release; requests are still taken, and recorded.
func (s *Server) Hold() { s.faults.set(func() { s.faults.held = true }) }

// Release lets go what Hold has kept.
func (s *Server) Release() { s.faults.set(func() { s.faults.held = false }) }

// Refuse ends each stream that begins with this error (a gRPC status); nil: no more.
func (s *Server) Refuse(err error) { s.faults.set(func() { s.faults.refusal = err }) }

// Rewrite gives each response (DiscoveryResponse or DeltaDiscoveryResponse) to a function, which may change it or
// return Raw bytes instead; nil: no more.
func (s *Server) Rewrite(by func(proto.Message) any) { s.faults.set(func() { s.faults.rewrite = by }) }

// listener records connections and treats them in the server's manner.
type listener struct {
	net.Listener
	server *Server
	mutex  sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.server.record.add(func() {
			l.server.record.connections = append(l.server.record.connections, time.Now())
		})
		l.server.faults.mutex.Lock()
		manner := l.server.faults.manner
		l.server.faults.mutex.Unlock()
		tracked := &tracked{Conn: connection, listener: l}
		l.mutex.Lock()
		if l.closed {
			manner = HangUp
		}
		l.open[tracked] = struct{}{}
		l.mutex.Unlock()
		switch manner {
		case Serve:
			return tracked, nil
		case HangUp:
			tracked.Close()
		case Noise:
			_, _ = tracked.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!\x00\xff"))
			tracked.Close()
		case Silent: // open until it is dropped
		}
	}
}

func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mutex.Lock()
	l.closed = true
	l.mutex.Unlock()
	l.drop()
	return err
}

func (l *listener) drop() {
	l.mutex.Lock()
	all := make([]net.Conn, 0, len(l.open))
	for connection := range l.open {
		all = append(all, connection)
	}
	l.mutex.Unlock()
	for _, connection := range all {
		connection.Close()
	}
}

// tracked is a connection that its listener knows.
type tracked struct {
	net.Conn
	listener *listener
}

func (t *tracked) Close() error {
	t.listener.mutex.Lock()
	delete(t.listener.open, t)
	t.listener.mutex.Unlock()
	return t.Conn.Close()
}

// codec is the usual one, but for Raw.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(Raw); ok {
		return raw, nil
	}
	return proto.Marshal(v.(proto.Message))
}

func (codec) Unmarshal(data []byte, v any) error { return proto.Unmarshal(data, v.(proto.Message)) }
func (codec) Name() string                       { return "proto" }

var _ encoding.Codec = codec{}
