package mosn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
	"mosn.io/pkg/buffer"
	"mosn.io/pkg/variable"
)

// receiving runs check as a filter's OnReceive.
func receiving(t *testing.T, proxy *fakeProxy, headers *fakeHeaders, check func(f *scripted, ctx context.Context)) *stream {
	t.Helper()
	ran := false
	filter := &scripted{receive: func(f *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		ran = true
		check(f, ctx)
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(true, filter), proxy)
	if stream.DecodeHeaders(headers, true); !ran {
		t.Error("the filter did not run")
	}
	return stream
}

func TestRequestInfoIsTheProxys(t *testing.T) {
	receiving(t, newFakeProxy(), request(), func(f *scripted, ctx context.Context) {
		info := f.receiver.RequestInfo()
		if found := fmt.Sprint(info.DownstreamRemoteAddress(), f.receiver.Connection().LocalAddr(), info.Protocol(), info.UpstreamHost().AddressString()); found != "192.0.2.1:1000 192.0.2.2:80Http1192.0.2.3:81" {
			t.Errorf("found %s", found)
		}
		rule := f.receiver.Route().RouteRule()
		if name := rule.ClusterName(ctx); name != "site" {
			t.Errorf("cluster %q", name)
		}
		if name := rule.VirtualHost().Name(); name != "value of xds.virtual_host_name" {
			t.Errorf("virtual host %q", name)
		}
		if err := f.receiver.Connection().Write(); !errors.Is(err, errProxysConnection) {
			t.Errorf("a filter may write to the connection: %v", err)
		}
		info.SetResponseFlag(api.FaultInjected)
		if !info.GetResponseFlag(api.FaultInjected) || info.GetResponseFlag(api.RateLimited) {
			t.Error("response flags")
		}
	})
}

func TestVariablesAreTheRequest(t *testing.T) {
	proxy := newFakeProxy()
	headers := request("cookie", "a=1; b=2", "x-h", "v")
	receiving(t, proxy, headers, func(_ *scripted, ctx context.Context) {
		for name, expected := range map[string]string{
			VarPath: "/a", VarQueryString: "b=c", VarMethod: "GET", VarHost: "host.test", VarScheme: "http",
			"x-mosn-path-original": "/a", "authority": "host.test", "upstream_cluster": "site",
			"protocol": "Http1", "Http1_request_uri": "/a?b=c", "request_header_x-h": "v", "Http1_cookie_b": "2",
			"Http1_request_arg_b": "c", "downstream_remote_address": "192.0.2.1:1000", "request_header_none": "-",
		} {
			if found, err := variable.GetString(ctx, name); err != nil || found != expected {
				t.Errorf("%s: found %q (%v), expected %q", name, found, err, expected)
			}
		}
		if found, err := variable.GetProtocolResource(ctx, api.PATH); err != nil || found != "/a" {
			t.Errorf("path: found %q (%v)", found, err)
		}
		if found, err := variable.GetProtocolResource(ctx, api.HEADER, "x-h"); err != nil || found != "v" {
			t.Errorf("header: found %q (%v)", found, err)
		}
		for name, value := range map[string]string{VarPath: "/other", VarHost: "else.test", VarMethod: "PUT"} {
			if err := variable.SetString(ctx, name, value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if headers.Path() != "/other?b=c" || headers.Host() != "else.test" || headers.Method() != "PUT" {
		t.Errorf("found %s %s %s", headers.Method(), headers.Host(), headers.Path())
	}
	if proxy.rerouted != 1 {
		t.Errorf("the route was matched anew %d times", proxy.rerouted)
	}
	if _, err := variable.GetString(variable.NewVariableContext(context.Background()), VarPath); err == nil {
		t.Error("a path without a stream")
	}
}

func TestVariablesOutliveABufferPoolContext(t *testing.T) {
	receiving(t, newFakeProxy(), request(), func(_ *scripted, ctx context.Context) {
		pooled := buffer.NewBufferPoolContext(ctx)
		if found, err := variable.GetString(pooled, VarPath); err != nil || found != "/a" {
			t.Errorf("found %q (%v)", found, err)
		}
		if MetadataOf(pooled) == nil {
			t.Error("the stream is lost")
		}
	})
}

func TestRouterMetaIsForTheLoadBalancer(t *testing.T) {
	proxy := newFakeProxy()
	receiving(t, proxy, request(), func(f *scripted, ctx context.Context) {
		if err := variable.Set(ctx, VarRouterMeta, map[string]string{"site": "s2", "az": "b"}); err != nil {
			t.Error(err)
		}
		if err := variable.Set(ctx, VarRouterMeta, "site"); err == nil || !strings.Contains(err.Error(), "map[string]string") {
			t.Errorf("found %v", err)
		}
		criteria := f.receiver.Route().RouteRule().MetadataMatchCriteria("any")
		if found := fmt.Sprint(criteria.MetadataMatchCriteria()); found != "[{az b} {site s2}]" {
			t.Errorf("criteria %s", found)
		}
		if found := fmt.Sprint(criteria.MergeMatchCriteria(map[string]string{"az": "c"}).MetadataMatchCriteria()); found != "[{az c} {site s2}]" {
			t.Errorf("merged %s", found)
		}
	})
	if found := fmt.Sprint(proxy.metadata); found != "map[envoy.lb:map[az:b site:s2]]" {
		t.Errorf("metadata %s", found)
	}
	if MetadataOf(context.Background()) != nil {
		t.Error("metadata of no stream")
	}
}

func TestTheStatusVariableIsTheAnswersOrTheResponses(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{
		receive: func(f *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			_ = variable.SetString(ctx, VarStatus, "410")
			f.receiver.SendDirectResponse(plainHeaders{":status": {"200"}}, nil, nil)
			return api.StreamFilterStop
		},
	}
	newStream(inline(true, filter), proxy).DecodeHeaders(request(), true)
	if len(proxy.replies) != 1 || proxy.replies[0].code != 410 {
		t.Errorf("replies %+v", proxy.replies)
	}
	sender := &scripted{receive: func(_ *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		_ = variable.SetString(ctx, VarStatus, "410") // and it answers nothing
		if found, err := variable.GetString(ctx, VarStatus); found != "410" {
			t.Errorf("found %q (%v)", found, err)
		}
		return api.StreamFilterContinue
	}, send: func(f *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		if found, _ := variable.GetString(ctx, VarStatus); found != "404" || f.sender.RequestInfo().ResponseCode() != 404 {
			t.Errorf("found %s and %d", found, f.sender.RequestInfo().ResponseCode())
		}
		_ = variable.SetString(ctx, VarStatus, "200")
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(true, sender), newFakeProxy())
	stream.DecodeHeaders(request(), true)
	headers := fakeMap(":status", "404")
	stream.EncodeHeaders(headers, true)
	if found := headers.GetRaw(":status"); found != "200" {
		t.Errorf("the response's status is %s", found)
	}
}

type logger struct {
	lines chan string
}

func (l logger) CreateFilterChain(_ context.Context, callbacks api.StreamFilterChainFactoryCallbacks) {
	callbacks.AddStreamAccessLog(l)
}

func (l logger) Log(_ context.Context, request, response api.HeaderMap, info api.RequestInfo) {
	host, _ := request.Get("x-h")
	line := fmt.Sprint(host, " ", info.DownstreamRemoteAddress(), " ", response != nil)
	l.lines <- line
}

func TestAccessLogsAreWritten(t *testing.T) {
	log := logger{lines: make(chan string, 1)}
	stream := newStream(&chainConfig{factories: []configured{{factory: log}}}, newFakeProxy())
	stream.DecodeHeaders(request(), true)
	stream.OnLog(request("x-h", "v"), nil, nil, nil)
	if line := within(t, log.lines, "the log"); line != "v 192.0.2.1:1000 false" {
		t.Errorf("found %q", line)
	}
	stream.OnLog(request("x-h", "v"), nil, fakeMap(":status", "200"), nil)
	if line := within(t, log.lines, "the log"); line != "v 192.0.2.1:1000 true" {
		t.Errorf("found %q", line)
	}
	stream.OnDestroy(envoyapi.Normal)
}

func TestThePathIsNotDecoded(t *testing.T) {
	headers := request()
	headers.SetPath("/a%20b?c=%20")
	receiving(t, newFakeProxy(), headers, func(_ *scripted, ctx context.Context) {
		path, _ := variable.GetString(ctx, VarPath)
		query, _ := variable.GetString(ctx, VarQueryString)
		if path != "/a%20b" || query != "c=%20" {
			t.Errorf("found %s and %s", path, query)
		}
	})
}
