package mosn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"mosn.io/api"
	"mosn.io/pkg/variable"
)

// MOSN's names of variables that filters read and set, for mosn.io/pkg/variable.
const (
	VarPath        = "x-mosn-path"
	VarQueryString = "x-mosn-querystring"
	VarMethod      = "x-mosn-method"
	VarHost        = "x-mosn-host"
	VarScheme      = "x-mosn-scheme"      // read only
	VarStatus      = "x-mosn-status"      // of the response, or of the answer that a filter gives
	VarRouterMeta  = "x-mosn-router-meta" // a map[string]string; it becomes metadata of LoadBalancing
)

const (
	http1 api.ProtocolName = "Http1"
	http2 api.ProtocolName = "Http2"
)

var errNoValue = errors.New("the context is not that of a stream, or the stream has no such value")

// read gives a variable's value for a stream that has had its request headers.
type read func(s *stream, request *headers) (string, bool)

// write puts a value into the request or response.
type write func(s *stream, value string)

// MOSN keeps variables in a registry of mosn.io/pkg, where filters look them up by name.
func init() {
	registerWritable(VarPath, readPath, func(s *stream, path string) {
		_, query := pathAndQuery(s.receive.headers)
		setPath(s, path, query)
	})
	registerWritable(VarQueryString, readQuery, func(s *stream, query string) {
		path, _ := pathAndQuery(s.receive.headers)
		setPath(s, path, query)
	})
	registerWritable(VarMethod, pseudo(":method"), func(s *stream, v string) { s.receive.headers.Set(":method", v) })
	registerWritable(VarHost, pseudo(":authority"), func(s *stream, v string) { s.receive.headers.Set(":authority", v) })
	registerWritable(VarStatus, readStatus, writeStatus)
	register(variable.NewVariable(VarRouterMeta, nil, nil, setRouterMeta, 0))
	for name, from := range map[string]read{
		VarScheme:                   pseudo(":scheme"),
		"x-mosn-path-original":      readPath,
		"authority":                 pseudo(":authority"),
		"upstream_cluster":          func(s *stream, _ *headers) (string, bool) { return s.info.cluster(), true },
		"protocol":                  func(s *stream, _ *headers) (string, bool) { return string(s.info.Protocol()), true },
		"duration":                  func(s *stream, _ *headers) (string, bool) { return s.info.Duration().String(), true },
		"response_code":             func(s *stream, _ *headers) (string, bool) { return strconv.Itoa(s.info.ResponseCode()), true },
		"downstream_local_address":  func(s *stream, _ *headers) (string, bool) { return s.info.DownstreamLocalAddress().String(), true },
		"downstream_remote_address": func(s *stream, _ *headers) (string, bool) { return s.info.DownstreamRemoteAddress().String(), true },
		"upstream_local_address":    func(s *stream, _ *headers) (string, bool) { return s.info.UpstreamLocalAddress(), true },
	} {
		register(variable.NewStringVariable(name, nil, getter(from), nil, 0))
	}
	registerPrefix("request_header_", requestHeader)
	registerPrefix("response_header_", func(s *stream, name string) (string, bool) {
		if response := s.response(); response != nil {
			return response.Get(name)
		}
		return "", false
	})
	for _, protocol := range []api.ProtocolName{http1, http2} {
		registerProtocol(protocol)
	}
	if variable.GetProtocol == nil {
		variable.GetProtocol = func(ctx context.Context) (api.ProtocolName, error) {
			s := streamOf(ctx)
			if s == nil {
				return "", errNoValue
			}
			return s.info.Protocol(), nil
		}
	}
}

// registerProtocol offers the parts of a request under the names of its protocol, and as MOSN's
// protocol resources.
func registerProtocol(protocol api.ProtocolName) {
	for resource, from := range map[api.ProtocolResourceName]struct {
		name string
		read read
	}{
		api.SCHEME: {"request_scheme", pseudo(":scheme")},
		api.PATH:   {"request_path", readPath},
		api.URI:    {"request_uri", pseudo(":path")},
		api.ARG:    {"request_arg", readQuery},
	} {
		register(variable.NewStringVariable(string(protocol)+"_"+from.name, nil, getter(from.read), nil, 0))
		_ = variable.RegisterProtocolResource(protocol, resource, from.name)
	}
	register(variable.NewStringVariable(string(protocol)+"_request_method", nil, getter(pseudo(":method")), nil, 0))
	for resource, from := range map[api.ProtocolResourceName]struct {
		name string
		read func(s *stream, name string) (string, bool)
	}{
		api.HEADER: {"request_header_", requestHeader},
		api.COOKIE: {"cookie_", requestCookie},
	} {
		registerPrefix(string(protocol)+"_"+from.name, from.read)
		_ = variable.RegisterProtocolResource(protocol, resource, from.name)
	}
	registerPrefix(string(protocol)+"_request_arg_", requestArgument)
}

// register takes the place of a variable that another package has registered.
func register(v variable.Variable) {
	if _, err := variable.Check(v.Name()); err == nil && variable.Override(v) == nil {
		return
	}
	_ = variable.Register(v)
}

func registerWritable(name string, from read, to write) {
	setter := func(ctx context.Context, _ *variable.IndexedValue, text string) error {
		s := streamOf(ctx)
		if s == nil || s.receive.headers == nil {
			return errNoValue
		}
		to(s, text)
		return nil // the getter knows; a value kept here would hide what changes it later
	}
	register(variable.NewStringVariable(name, nil, getter(from), setter, 0))
}

func registerPrefix(prefix string, from func(s *stream, name string) (string, bool)) {
	get := func(ctx context.Context, _ *variable.IndexedValue, data interface{}) (string, error) {
		name, _ := data.(string)
		s := streamOf(ctx)
		if s == nil || s.receive.headers == nil || len(name) <= len(prefix) {
			return variable.ValueNotFound, errNoValue
		}
		if value, ok := from(s, name[len(prefix):]); ok {
			return value, nil
		}
		return variable.ValueNotFound, nil
	}
	v := variable.NewStringVariable(prefix, nil, get, nil, 0)
	if variable.RegisterPrefix(prefix, v) != nil {
		_ = variable.OverridePrefix(prefix, v)
	}
}

func getter(from read) variable.StringGetterFunc {
	return func(ctx context.Context, _ *variable.IndexedValue, _ interface{}) (string, error) {
		s := streamOf(ctx)
		if s == nil || s.receive.headers == nil {
			return variable.ValueNotFound, errNoValue
		}
		if value, ok := from(s, s.receive.headers); ok {
			return value, nil
		}
		return variable.ValueNotFound, errNoValue
	}
}

func pseudo(name string) read {
	return func(_ *stream, request *headers) (string, bool) { return request.Get(name) }
}

func readPath(_ *stream, request *headers) (string, bool) {
	path, _ := pathAndQuery(request)
	return path, true
}

func readQuery(_ *stream, request *headers) (string, bool) {
	_, query := pathAndQuery(request)
	return query, true
}

func readStatus(s *stream, _ *headers) (string, bool) {
	if response := s.response(); response != nil {
		return response.Get(":status")
	}
	return strconv.Itoa(s.info.answerStatus), s.info.answerStatus != 0
}

// forgetStatus is for a response that has come: what a receiver has set was for an answer.
func forgetStatus(s *stream) {
	if s.info.answerStatus != 0 {
		status, _ := s.send.headers.Get(":status")
		_ = variable.SetString(s.ctx, VarStatus, status) // the library may have kept the other
	}
}

func writeStatus(s *stream, value string) {
	if response := s.response(); response != nil {
		response.Set(":status", value)
		return
	}
	s.info.answerStatus, _ = strconv.Atoi(value)
}

func pathAndQuery(request *headers) (string, string) {
	text, _ := request.Get(":path")
	path, query, _ := strings.Cut(text, "?")
	return path, query
}

func setPath(s *stream, path, query string) {
	if query != "" {
		path += "?" + query
	}
	s.receive.headers.Set(":path", path)
}

func setRouterMeta(ctx context.Context, value *variable.IndexedValue, meta interface{}) error {
	set, ok := meta.(map[string]string)
	if !ok {
		return fmt.Errorf("%s: found a %T, expected a map[string]string", VarRouterMeta, meta)
	}
	metadata := MetadataOf(ctx)
	if metadata == nil {
		return errNoValue
	}
	for key, text := range set {
		metadata.Set(LoadBalancing, key, text)
	}
	return variable.DefaultSetter(ctx, value, meta)
}

func requestHeader(s *stream, name string) (string, bool) { return s.receive.headers.Get(name) }

func requestCookie(s *stream, name string) (string, bool) {
	for _, line := range s.receive.headers.Values("cookie") {
		for _, pair := range strings.Split(line, ";") {
			if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && key == name {
				return value, true
			}
		}
	}
	return "", false
}

func requestArgument(s *stream, name string) (string, bool) {
	_, query := pathAndQuery(s.receive.headers)
	values, err := url.ParseQuery(query)
	if err != nil || !values.Has(name) {
		return "", false
	}
	return values.Get(name), true
}
