package mosn

import (
	"context"
	"errors"
	"strings"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/pkg/variable"
)

// MOSN's names for the parts of a request line. They can be read, and set by a receiver filter.
const (
	VarPath        = "x-mosn-path"
	VarQueryString = "x-mosn-querystring"
	VarMethod      = "x-mosn-method"
	VarHost        = "x-mosn-host"
	VarScheme      = "x-mosn-scheme"
)

type streamKey struct{}

var errNoStream = errors.New("the context is not that of a stream")

func init() {
	for name, read := range map[string]func(envoyapi.RequestHeaderMap) string{
		VarPath:        func(h envoyapi.RequestHeaderMap) string { path, _ := splitPath(h.Path()); return path },
		VarQueryString: func(h envoyapi.RequestHeaderMap) string { _, query := splitPath(h.Path()); return query },
		VarMethod:      envoyapi.RequestHeaderMap.Method,
		VarHost:        envoyapi.RequestHeaderMap.Host,
		VarScheme:      envoyapi.RequestHeaderMap.Scheme,
	} {
		getter := func(ctx context.Context, _ *variable.IndexedValue, _ interface{}) (string, error) {
			stream, ok := ctx.Value(streamKey{}).(*stream)
			if !ok || stream.requestHeaders == nil {
				return "", errNoStream
			}
			return read(stream.requestHeaders), nil
		}
		_ = variable.Register(variable.NewStringVariable(name, nil, getter, variable.DefaultStringSetter, 0))
	}
}

func splitPath(path string) (string, string) {
	if at := strings.IndexByte(path, '?'); at >= 0 {
		return path[:at], path[at+1:]
	}
	return path, ""
}

// requestLine is the part of a request that MOSN filters see as variables.
type requestLine struct{ path, query, method, host string }

func readLine(ctx context.Context) requestLine {
	get := func(name string) string {
		value, _ := variable.GetString(ctx, name)
		return value
	}
	return requestLine{get(VarPath), get(VarQueryString), get(VarMethod), get(VarHost)}
}

// writeBack puts what a filter has set into the request; true if something changed.
func (line requestLine) writeBack(ctx context.Context, headers envoyapi.RequestHeaderMap) bool {
	now := readLine(ctx)
	if now == line {
		return false
	}
	if now.path != line.path || now.query != line.query {
		path := now.path
		if now.query != "" {
			path += "?" + now.query
		}
		headers.SetPath(path)
	}
	if now.method != line.method {
		headers.SetMethod(now.method)
	}
	if now.host != line.host {
		headers.SetHost(now.host)
	}
	return true
}

// Metadata is where a filter leaves what the load balancer or other filters go by: the stream's
// dynamic metadata, by namespace ("envoy.lb" for subset load balancing) and key.
type Metadata interface {
	Set(namespace, key string, value interface{})
	Get(namespace string) map[string]interface{}
}

// MetadataOf gives the metadata of the stream that a filter works for; nil if ctx is not that of a
// stream.
func MetadataOf(ctx context.Context) Metadata {
	stream, ok := ctx.Value(streamKey{}).(*stream)
	if !ok {
		return nil
	}
	return stream.callbacks.StreamInfo().DynamicMetadata()
}

// VarStatus is the status of an answer that a filter gives.
const VarStatus = "x-mosn-status"

func init() {
	getter := func(context.Context, *variable.IndexedValue, interface{}) (string, error) {
		return "", errors.New("no filter has set a status")
	}
	_ = variable.Register(variable.NewStringVariable(VarStatus, nil, getter, variable.DefaultStringSetter, 0))
}

func statusVariable(ctx context.Context) (string, error) { return variable.GetString(ctx, VarStatus) }
