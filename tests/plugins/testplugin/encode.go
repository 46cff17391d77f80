package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/envoyproxy/envoy/contrib/golang/common/go/api"
)

func (f *filter) EncodeHeaders(header api.ResponseHeaderMap, endStream bool) api.StatusType {
	f.response = header
	encoder := f.callbacks.EncoderFilterCallbacks()
	header.Set("x-go-encoded", "yes")
	switch f.mode {
	case "headers":
		header.Set("x-set", "two")
		header.Add("x-multi", "1")
		header.Add("x-multi", "2")
		header.Del("x-upstream")
	case "async-both":
		go func() {
			defer encoder.RecoverPanic()
			time.Sleep(5 * time.Millisecond)
			status, _ := header.Status()
			header.Set("x-async-status", fmt.Sprint(status))
			encoder.Continue(api.Continue)
		}()
		return api.Running
	case "replace-response":
		encoder.SendLocalReply(502, "replaced by Go", nil, -1, "go_replaced")
		return api.LocalReply
	case "response-body", "response-body-async":
		if !endStream {
			return api.StopAndBuffer
		}
	case "wrong-response-length":
		header.Set("content-length", "3")
	case "panic-encode":
		panic("boom in EncodeHeaders")
	case "encode-late":
		go func() { // nobody waits for the answer any more
			for i := 0; i < 40; i++ {
				tryLate(func() { header.Get("x-none") })
				tryLate(func() { header.Set("x-late", "1") })
				time.Sleep(2 * time.Millisecond)
			}
			tryLate(func() { encoder.Continue(api.Continue) })
			lateDone.Add(1)
		}()
		return api.Running
	}
	return api.Continue
}

func (f *filter) EncodeData(buffer api.BufferInstance, endStream bool) api.StatusType {
	encoder := f.callbacks.EncoderFilterCallbacks()
	switch f.mode {
	case "response-chunks": // each piece as it comes
		f.chunks++
		if buffer.Len() > 0 {
			_ = buffer.Set(bytes.ToUpper(buffer.Bytes()))
		}
	case "response-chunks-async":
		go func() {
			defer encoder.RecoverPanic()
			if buffer.Len() > 0 {
				_ = buffer.Set(bytes.ToUpper(buffer.Bytes()))
			}
			encoder.Continue(api.Continue)
		}()
		return api.Running
	case "response-body":
		_ = buffer.SetString(fmt.Sprintf("%d bytes", buffer.Len()))
		f.response.Set("x-rewritten", "yes")
	case "response-body-async":
		go func() {
			defer encoder.RecoverPanic()
			time.Sleep(5 * time.Millisecond)
			_ = buffer.SetString(fmt.Sprintf("%d bytes", buffer.Len()))
			encoder.Continue(api.Continue)
		}()
		return api.Running
	}
	return api.Continue
}

func (f *filter) EncodeTrailers(trailers api.ResponseTrailerMap) api.StatusType {
	switch f.mode {
	case "trailers", "trailers-async":
		trailers.Set("x-go", "response")
		trailers.Del("x-drop")
	}
	return api.Continue
}

func (f *filter) OnLog(request api.RequestHeaderMap, _ api.RequestTrailerMap, response api.ResponseHeaderMap, _ api.ResponseTrailerMap) {
	if f.mode == "ask-while-logged" { // with the lock that the goroutine takes too
		f.callbacks.StreamInfo().ResponseCodeDetails()
	}
	if f.mode != "log" {
		return
	}
	code, _ := f.callbacks.StreamInfo().ResponseCode()
	details, _ := f.callbacks.StreamInfo().ResponseCodeDetails()
	upstream, _ := f.callbacks.StreamInfo().UpstreamClusterName()
	path, _ := request.Get(":path")
	encoded, _ := response.Get("x-go-encoded")
	lastLog.Lock()
	defer lastLog.Unlock()
	lastLog.text = fmt.Sprintf("%s %d %s %s %s", path, code, details, upstream, encoded)
}

func (f *filter) OnStreamComplete() {
	switch f.mode {
	case "ask-while-logged":
		f.callbacks.StreamInfo().ResponseCodeDetails()
	case "log":
		raw := f.request.GetRaw("x-mode")
		lastLog.Lock()
		defer lastLog.Unlock()
		lastLog.complete = raw
	}
}

func (f *filter) OnDestroy(reason api.DestroyReason) {
	destroyed.Add(1)
}
