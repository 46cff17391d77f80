// Command testplugin is a Go filter library for the integration tests, built on the unmodified
// Envoy Go SDK. The request header x-mode says what the filter does to a request.
package main

import (
	"fmt"

	xds "github.com/cncf/xds/go/xds/type/v3"
	"github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"github.com/envoyproxy/envoy/contrib/golang/filters/http/source/go/pkg/http"
	"google.golang.org/protobuf/types/known/anypb"
)

func init() {
	http.RegisterHttpFilterFactoryAndConfigParser("test", newFilter, parser{})
}

func main() {}

type config map[string]interface{}

type parser struct{}

// Parse takes a TypedStruct; {"refuse": true} in it is an error, {"panic": true} a panic.
func (parser) Parse(any *anypb.Any, _ api.ConfigCallbackHandler) (interface{}, error) {
	out := config{}
	if any.GetTypeUrl() == "" {
		return out, nil
	}
	var typed xds.TypedStruct
	if err := any.UnmarshalTo(&typed); err != nil {
		return nil, err
	}
	for key, value := range typed.GetValue().AsMap() {
		out[key] = value
	}
	if out["panic"] == true {
		panic("boom in Parse")
	}
	if out["refuse"] == true {
		return nil, fmt.Errorf("the configuration asks to be refused")
	}
	return out, nil
}

// Merge puts the keys of the child over those of the parent.
func (parser) Merge(parent interface{}, child interface{}) interface{} {
	out := config{}
	for key, value := range parent.(config) {
		out[key] = value
	}
	for key, value := range child.(config) {
		out[key] = value
	}
	return out
}

func newFilter(c interface{}, callbacks api.FilterCallbackHandler) api.StreamFilter {
	return &filter{config: c.(config), callbacks: callbacks}
}
