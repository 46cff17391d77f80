// Command addheader is a first Go filter: one header to the upstream, one to the client.
package main

import (
	"github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"github.com/envoyproxy/envoy/contrib/golang/filters/http/source/go/pkg/http"
)

type filter struct{ api.PassThroughStreamFilter }

func (f *filter) DecodeHeaders(header api.RequestHeaderMap, endStream bool) api.StatusType {
	header.Set("x-from-go", "hello, upstream")
	return api.Continue
}

func (f *filter) EncodeHeaders(header api.ResponseHeaderMap, endStream bool) api.StatusType {
	header.Set("x-from-go", "hello, client")
	return api.Continue
}

func init() {
	http.RegisterHttpFilterFactoryAndConfigParser("addheader",
		func(interface{}, api.FilterCallbackHandler) api.StreamFilter { return &filter{} }, http.NullParser)
}

func main() {}
