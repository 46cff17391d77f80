// Package mosn runs MOSN stream filters, written against mosn.io/api, as an HTTP filter of the Envoy
// Go SDK: in moe, and in an Envoy that loads the same library.
//
// A plugin is one call:
//
//	func init() { plugin.Register("mosn", mosn.Filters{"mine": mine.NewFactory}) } // of mosn/plugin
//
// A filter that registers itself with mosn.io/api.RegisterStream need only be imported.
//
// The plugin's configuration is MOSN's own list:
//
//	{"stream_filters": [{"type": "mine", "config": {...}}]}
//
// MOSN gives each stream a goroutine of its own, where a filter may block, and hands it the whole
// request or response. So does this package, unless a filter says that it needs neither: see
// NonBlocking and HeadersOnly. The filters of a stream never run at the same time.
//
// All receiver filters run before the proxy has sent anything upstream, phase after phase. The
// proxy chooses the host after them, so that StreamFilterReChooseHost has nothing to undo.
package mosn

import (
	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// Filters are creators of MOSN stream filters by the name that a configuration calls "type".
type Filters map[string]api.StreamFilterFactoryCreator

// NonBlocking is implemented by filters whose OnReceive, Append and OnDestroy return at once: they run
// on the proxy's own thread, which saves a goroutine and a switch of threads for each request.
type NonBlocking interface{ NonBlocking() }

// HeadersOnly is implemented by filters that look at neither body nor trailers: the message is not
// held for them; buf and trailers are nil unless it is held for another filter.
type HeadersOnly interface{ HeadersOnly() }

// StopWaits is implemented by filters that go on later. In MOSN, StreamFilterStop ends the phase and
// the request goes on; from such a filter it holds the request or response instead, until the filter
// calls ContinueReceiving or ContinueSending or answers the request, from any goroutine.
type StopWaits interface{ StopWaits() }

// ReceiverContinuer is implemented by the handler that receiver filters are given.
type ReceiverContinuer interface {
	// ContinueReceiving ends the wait of a filter that has returned StreamFilterStop: the next filter
	// runs. A call that comes before the return counts, too; any other is ignored.
	ContinueReceiving()
}

// SenderContinuer is implemented by the handler that sender filters are given.
type SenderContinuer interface {
	// ContinueSending is for sender filters what ContinueReceiving is for receiver filters.
	ContinueSending()
}

// NewFilter makes the filter of one stream; config is what ConfigParser has parsed.
func NewFilter(config interface{}, callbacks envoyapi.FilterCallbackHandler) envoyapi.StreamFilter {
	return newStream(config.(*chainConfig), callbacks)
}
