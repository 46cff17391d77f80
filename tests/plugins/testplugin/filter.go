package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envoyproxy/envoy/contrib/golang/common/go/api"
)

type filter struct {
	api.PassThroughStreamFilter
	config    config
	callbacks api.FilterCallbackHandler
	mode      string
	request   api.RequestHeaderMap
	response  api.ResponseHeaderMap
	chunks    int
	kept      []api.BufferInstance
}

// What later requests ask about.
var (
	lateRefused atomic.Int64 // late calls that were told that the stream is gone
	lateDone    atomic.Int64
	destroyed   atomic.Int64
	lastLog     struct {
		sync.Mutex
		text     string
		complete string
	}
)

func (f *filter) reply(status int, body string) api.StatusType {
	f.callbacks.DecoderFilterCallbacks().SendLocalReply(status, body, nil, -1, "test_reply")
	return api.LocalReply
}

func (f *filter) DecodeHeaders(header api.RequestHeaderMap, endStream bool) api.StatusType {
	f.request = header
	f.mode, _ = header.Get("x-mode")
	decoder := f.callbacks.DecoderFilterCallbacks()
	switch f.mode {
	case "headers":
		header.Set("x-set", "one")
		header.Add("x-added", "1")
		header.Add("x-added", "2")
		header.Del("x-remove")
		if raw := header.GetRaw("x-raw"); raw != "" {
			header.Set("x-raw-seen", raw)
		}
	case "deny":
		decoder.SendLocalReply(403, "denied by Go", map[string][]string{"X-Deny": {"a", "b"}, "content-type": {"text/x-deny"}}, -1, "go_denied")
		return api.LocalReply
	case "deny-details":
		decoder.SendLocalReply(403, "denied", nil, -1, "two words\r\nnext line")
		return api.LocalReply
	case "deny-data-later", "panic-data-later", "hold-till-trailers": // the data comes meanwhile
		go func() {
			defer decoder.RecoverPanic()
			time.Sleep(20 * time.Millisecond)
			decoder.Continue(api.Continue)
		}()
		return api.Running
	case "wrong-direction":
		f.callbacks.EncoderFilterCallbacks().SendLocalReply(403, "denied", nil, -1, "go_denied")
	case "deny-later":
		go func() {
			defer decoder.RecoverPanic()
			time.Sleep(20 * time.Millisecond)
			decoder.SendLocalReply(418, "denied later", nil, -1, "go_denied_later")
		}()
		return api.Running
	case "async", "async-both":
		go func() {
			defer decoder.RecoverPanic()
			time.Sleep(20 * time.Millisecond)
			header.Set("x-async", "yes")
			if path := header.Path(); path != "" {
				header.Set("x-async-path", path)
			}
			decoder.Continue(api.Continue)
		}()
		return api.Running
	case "body", "body-async", "bufops":
		return f.stopIfBody(endStream)
	case "body-later": // asks for the body only after a while
		go func() {
			defer decoder.RecoverPanic()
			time.Sleep(20 * time.Millisecond)
			decoder.Continue(f.stopIfBody(endStream))
		}()
		return api.Running
	case "add-data":
		decoder.AddData([]byte("added by Go"), false)
	case "add-data-hold":
		decoder.AddData([]byte("added by Go,"), false)
		return f.stopIfBody(endStream)
	case "drop-held":
		if !endStream {
			return api.StopAndBufferWatermark
		}
	case "ask-while-logged": // until the stream has gone
		go func() {
			defer decoder.RecoverPanic()
			for {
				f.callbacks.StreamInfo().DynamicMetadata().Get("envoy.lb")
			}
		}()
		return api.Running
	case "gc": // what the requests so far have left behind, and this one
		go func() {
			for i := 0; i < 20; i++ {
				time.Sleep(20 * time.Millisecond)
				runtime.GC()
			}
		}()
	case "metadata", "metadata-async":
		return f.metadata(header)
	case "path":
		header.SetPath("/rewritten")
		header.SetHost("other.test")
		f.callbacks.ClearRouteCache()
	case "split":
		header.Set("x-split", "a\r\nx-forged: b")
		header.Set("x-ok", "fine")
	case "wrong-length":
		header.Set("content-length", "3")
	case "panic":
		panic("boom in DecodeHeaders")
	case "panic-goroutine":
		go func() {
			defer decoder.RecoverPanic()
			panic("boom in a goroutine")
		}()
		return api.Running
	case "local-reply-missing":
		return api.LocalReply
	case "config":
		text, _ := json.Marshal(f.config)
		return f.reply(200, string(text))
	case "info":
		return f.reply(200, f.info())
	case "info-async":
		go func() {
			defer decoder.RecoverPanic()
			decoder.SendLocalReply(200, f.info(), nil, -1, "test_reply")
		}()
		return api.Running
	case "late":
		go f.late(header)
		return api.Running
	case "counts":
		return f.reply(200, fmt.Sprintf("refused=%d done=%d destroyed=%d", lateRefused.Load(), lateDone.Load(), destroyed.Load()))
	case "last-log":
		lastLog.Lock()
		defer lastLog.Unlock()
		return f.reply(200, lastLog.text+"; complete: "+lastLog.complete)
	}
	return api.Continue
}

func (f *filter) stopIfBody(endStream bool) api.StatusType {
	if endStream {
		return api.Continue
	}
	return api.StopAndBuffer
}

func (f *filter) metadata(header api.RequestHeaderMap) api.StatusType {
	site, _ := header.Get("x-site")
	set := func() {
		f.callbacks.StreamInfo().DynamicMetadata().Set("envoy.lb", "site", site)
		got := f.callbacks.StreamInfo().DynamicMetadata().Get("envoy.lb")
		header.Set("x-metadata", fmt.Sprint(got["site"]))
	}
	if f.mode == "metadata" {
		set()
		return api.Continue
	}
	decoder := f.callbacks.DecoderFilterCallbacks()
	go func() {
		defer decoder.RecoverPanic()
		set()
		decoder.Continue(api.Continue)
	}()
	return api.Running
}

func (f *filter) info() string {
	info := f.callbacks.StreamInfo()
	protocol, _ := info.Protocol()
	_, hasCode := info.ResponseCode()
	_, hasUpstream := info.UpstreamRemoteAddress()
	cluster, _ := info.UpstreamClusterName()
	text, _ := json.Marshal(map[string]interface{}{
		"route": info.GetRouteName(), "protocol": protocol, "has_code": hasCode, "has_upstream": hasUpstream, "cluster": cluster,
		"local": info.DownstreamLocalAddress(), "remote": info.DownstreamRemoteAddress(),
	})
	return string(text)
}

// late goes on for long after the client has gone and uses everything it has.
func (f *filter) late(header api.RequestHeaderMap) {
	decoder := f.callbacks.DecoderFilterCallbacks()
	for i := 0; i < 50; i++ {
		for _, call := range []func(){
			func() { header.Set("x-late", "1") },
			func() { header.Get("x-mode") },
			func() { header.GetRaw("x-none") },
			func() { f.callbacks.StreamInfo().DynamicMetadata().Set("late", "k", i) },
			func() { f.callbacks.StreamInfo().DynamicMetadata().Get("late") },
			func() { f.callbacks.StreamInfo().GetRouteName() },
			func() { f.callbacks.StreamInfo().DownstreamRemoteAddress() },
			func() { f.callbacks.ClearRouteCache() },
		} {
			tryLate(call)
		}
		time.Sleep(2 * time.Millisecond)
	}
	tryLate(func() { decoder.Continue(api.Continue) })
	tryLate(func() { decoder.SendLocalReply(500, "late", nil, -1, "late") })
	lateDone.Add(1)
}

func tryLate(call func()) {
	defer func() {
		if e := recover(); e != nil {
			lateRefused.Add(1)
		}
	}()
	call()
}

func (f *filter) DecodeData(buffer api.BufferInstance, endStream bool) api.StatusType {
	switch f.mode {
	case "body", "body-later":
		_ = buffer.Set(bytes.ToUpper(buffer.Bytes()))
	case "body-async":
		decoder := f.callbacks.DecoderFilterCallbacks()
		go func() {
			defer decoder.RecoverPanic()
			time.Sleep(5 * time.Millisecond)
			_ = buffer.Set(bytes.ToUpper(buffer.Bytes()))
			_ = buffer.AppendString("!")
			decoder.Continue(api.Continue)
		}()
		return api.Running
	case "bufops":
		buffer.Drain(2)
		_ = buffer.PrependString("<")
		_ = buffer.AppendString(">")
		_ = buffer.WriteByte('.')
		f.request.Set("x-length", fmt.Sprint(buffer.Len()))
	case "drop-data", "drop-held":
		return api.StopNoBuffer
	case "keep-buffers":
		return f.keepBuffers(buffer, endStream)
	case "deny-data-later":
		return f.reply(403, "denied with data")
	case "hold-till-trailers":
		return api.StopAndBuffer
	case "keep-data":
		if !endStream {
			return api.StopAndBufferWatermark
		}
		_ = buffer.AppendString("|kept")
	case "panic-data", "panic-data-later":
		panic("boom in DecodeData")
	}
	return api.Continue
}

// keepBuffers holds all buffers to the end, and then takes each apart once more.
func (f *filter) keepBuffers(buffer api.BufferInstance, endStream bool) api.StatusType {
	f.kept = append(f.kept, buffer)
	if !endStream {
		return api.StopAndBufferWatermark
	}
	for _, each := range f.kept {
		_ = each.SetString(fmt.Sprintf("[%s]", bytes.TrimSpace(each.Bytes())))
	}
	return api.Continue
}

func (f *filter) DecodeTrailers(trailers api.RequestTrailerMap) api.StatusType {
	switch f.mode {
	case "trailers":
		trailers.Set("x-go", "request")
		trailers.Del("x-drop")
	case "trailers-async":
		decoder := f.callbacks.DecoderFilterCallbacks()
		go func() {
			defer decoder.RecoverPanic()
			time.Sleep(5 * time.Millisecond)
			trailers.Set("x-go", "later")
			trailers.Del("x-drop")
			decoder.Continue(api.Continue)
		}()
		return api.Running
	}
	return api.Continue
}
