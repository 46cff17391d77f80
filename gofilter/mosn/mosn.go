// Package mosn runs MOSN stream filters, written against mosn.io/api, as an HTTP filter of the Envoy
// Go SDK: in moe, and in an Envoy that loads the same library.
//
// A plugin is one call and an import for each filter, which registers itself with
// mosn.io/api.RegisterStream:
//
//	import _ "example.com/filters/mine"
//
//	func init() { plugin.Register("mosn") } // of mosn/plugin
//
// The plugin's configuration is MOSN's own list:
//
//	{"stream_filters": [{"type": "mine", "config": {...}}]}
//
// MOSN gives each stream a goroutine of its own, where a filter may block, and hands it the whole
// request or response. So does this package, unless a filter says that it needs neither: see
// NonBlocking and HeadersOnly.
package mosn

import (
	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
)

// NonBlocking is implemented by filters whose OnReceive and Append return at once: they run on the
// proxy's own thread, which saves a goroutine and a switch of threads for each request.
type NonBlocking interface{ NonBlocking() }

// HeadersOnly is implemented by filters that look at neither body nor trailers: the message is not
// held for them, buf and trailers are nil.
type HeadersOnly interface{ HeadersOnly() }

// NewFilter makes the filter of one stream; config is what ConfigParser has parsed.
func NewFilter(config interface{}, callbacks envoyapi.FilterCallbackHandler) envoyapi.StreamFilter {
	return newStream(config.(*chainConfig), callbacks)
}
