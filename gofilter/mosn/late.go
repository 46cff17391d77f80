package mosn

// pardon ends a call of the SDK that comes too late, for a stream that has gone or has left Go. In MOSN
// such a call does nothing; the SDK's panics, and would end the process on a filter's own goroutine.
func pardon() {
	e := recover()
	if text, _ := e.(string); e != nil && !tooLate[text] {
		panic(e)
	}
}

// tooLate are the SDK's words for it, which it does not export.
var tooLate = map[string]bool{
	"request has been finished":                             true,
	"golang filter has been destroyed":                      true,
	"not proccessing Go":                                    true,
	"invalid phase, maybe headers/buffer already continued": true,
}

// beginAsking takes the turn to ask what the SDK may have to wait for the worker for, holding its own
// lock meanwhile; endAsking must follow. When the stream ends the worker asks, too: it is told to do
// without rather than to wait for who waits for it.
func (s *stream) beginAsking() bool {
	if s.info.last.Load() != nil {
		return s.asking.TryLock()
	}
	s.asking.Lock()
	return true
}

func (s *stream) endAsking() { s.asking.Unlock() }

// metadata is the stream's dynamic metadata; any goroutine may use it at any time.
type metadata struct{ stream *stream }

var _ Metadata = metadata{}

func (m metadata) Set(namespace, key string, value interface{}) {
	defer pardon()
	m.stream.callbacks.StreamInfo().DynamicMetadata().Set(namespace, key, value)
}

func (m metadata) Get(namespace string) map[string]interface{} {
	if !m.stream.beginAsking() {
		return nil
	}
	defer pardon()
	defer m.stream.endAsking()
	return m.stream.callbacks.StreamInfo().DynamicMetadata().Get(namespace)
}
