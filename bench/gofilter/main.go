// Command gofilter is the Go filter of the benchmarks: it adds one header to the request and one to
// the response, as the Lua filter that Envoy is measured with.
package main

import (
	"github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"github.com/envoyproxy/envoy/contrib/golang/filters/http/source/go/pkg/http"
)

type filter struct{ api.PassThroughStreamFilter }

func (f *filter) DecodeHeaders(header api.RequestHeaderMap, endStream bool) api.StatusType {
	header.Set("x-bench-request", "1")
	return api.Continue
}

func (f *filter) EncodeHeaders(header api.ResponseHeaderMap, endStream bool) api.StatusType {
	header.Set("x-bench-response", "1")
	return api.Continue
}

func init() {
	http.RegisterHttpFilterFactoryAndConfigParser("bench",
		func(interface{}, api.FilterCallbackHandler) api.StreamFilter { return &filter{} }, http.NullParser)
}

func main() {}
