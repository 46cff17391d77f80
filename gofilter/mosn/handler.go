package mosn

import (
	"context"
	"net/http"
	"strconv"

	"mosn.io/api"
)

// handler is what receivers and senders can ask for alike.
type handler struct{ stream *stream }

func (h handler) Route() api.Route             { return route{h.stream} }
func (h handler) RequestInfo() api.RequestInfo { return h.stream.info }
func (h handler) Connection() api.Connection   { return connection{h.stream.info} }

// plain makes the headers of an answer. A request's own are no part of an answer to it: filters pass
// them where they have no others.
func (h handler) plain(from api.HeaderMap) map[string][]string {
	if from == nil || from == h.stream.receive.headerMap() {
		return nil
	}
	out := plainHeaders{}
	from.Range(func(key, value string) bool {
		if !isPseudo(key) {
			out.Add(key, value)
		}
		return true
	})
	// The proxy frames the answer.
	for _, name := range []string{"content-length", "transfer-encoding", "connection"} {
		out.Del(name)
	}
	return out
}

// statusOf finds the status of an answer that a filter has made of headers.
func statusOf(ctx context.Context, headers api.HeaderMap) int {
	if s := streamOf(ctx); s != nil && s.info.answerStatus != 0 {
		return s.info.answerStatus
	}
	if headers != nil {
		if text, ok := headers.Get(":status"); ok {
			if code, err := strconv.Atoi(text); err == nil {
				return code
			}
		}
	}
	return http.StatusOK
}
