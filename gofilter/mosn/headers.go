package mosn

import (
	"strings"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// headers is a header or trailer map of the stream as MOSN knows it. Pseudo-headers are not listed,
// as in MOSN, where variables stand for them; Get, Set and Del take them by name, and "host" stands
// for :authority.
type headers struct {
	envoyapi.HeaderMap
	request bool
	changed bool
}

var _ api.HeaderMap = (*headers)(nil)

func (h *headers) named(key string) string {
	if h.request && len(key) == len("host") && strings.EqualFold(key, "host") {
		return ":authority"
	}
	return key
}

func (h *headers) Get(key string) (string, bool) {
	defer pardon()
	return h.HeaderMap.Get(h.named(key))
}

func (h *headers) Values(key string) []string {
	defer pardon()
	return h.HeaderMap.Values(h.named(key))
}

func (h *headers) Set(key, value string) {
	defer pardon()
	h.changed = true
	h.HeaderMap.Set(h.named(key), value)
}

func (h *headers) Add(key, value string) {
	if key = h.named(key); isPseudo(key) {
		h.Set(key, value) // there can be but one
		return
	}
	defer pardon()
	h.changed = true
	h.HeaderMap.Add(key, value)
}

func (h *headers) Del(key string) {
	defer pardon()
	h.changed = true
	h.HeaderMap.Del(h.named(key))
}

func isPseudo(key string) bool { return key != "" && key[0] == ':' }

func (h *headers) Range(f func(key, value string) bool) {
	defer pardon()
	h.HeaderMap.RangeWithCopy(func(key, value string) bool {
		return isPseudo(key) || f(key, value)
	})
}

// Clone has the pseudo-headers, too, and lists them as little.
func (h *headers) Clone() api.HeaderMap {
	defer pardon()
	out := plainHeaders{}
	h.HeaderMap.RangeWithCopy(func(key, value string) bool {
		out[key] = append(out[key], value)
		return true
	})
	return out
}

func (h *headers) ByteSize() uint64 {
	var size uint64
	h.Range(func(key, value string) bool {
		size += uint64(len(key) + len(value))
		return true
	})
	return size
}

// replaceBy makes the map hold what another one holds. Pseudo-headers that the other lacks stay.
func (h *headers) replaceBy(other api.HeaderMap) {
	if h == nil || other == nil || other == api.HeaderMap(h) {
		return
	}
	copied, isCopy := other.(plainHeaders)
	if !isCopy {
		copied = plainHeaders{}
		other.Range(func(key, value string) bool {
			copied.Add(key, value)
			return true
		})
	}
	var old []string
	h.Range(func(key, _ string) bool {
		old = append(old, key)
		return true
	})
	for _, key := range old {
		h.Del(key)
	}
	for key, values := range copied {
		for _, value := range values {
			if now, _ := h.Get(key); !isPseudo(key) || now != value {
				h.Add(key, value)
			}
		}
	}
}

// plainHeaders is a copy that belongs to no stream.
type plainHeaders map[string][]string

var _ api.HeaderMap = plainHeaders{}

// named is the key in lower case; "host" stands for :authority in the copy of a request.
func (h plainHeaders) named(key string) string {
	key = strings.ToLower(key)
	if _, request := h[":authority"]; request && key == "host" {
		return ":authority"
	}
	return key
}

func (h plainHeaders) Get(key string) (string, bool) {
	values, ok := h[h.named(key)]
	if !ok || len(values) == 0 {
		return "", false
	}
	return values[0], true
}

func (h plainHeaders) Set(key, value string) { h[h.named(key)] = []string{value} }

func (h plainHeaders) Add(key, value string) {
	if key = h.named(key); isPseudo(key) {
		h.Set(key, value)
		return
	}
	h[key] = append(h[key], value)
}

func (h plainHeaders) Del(key string) { delete(h, h.named(key)) }

func (h plainHeaders) Range(f func(key, value string) bool) {
	for key, values := range h {
		for _, value := range values {
			if !isPseudo(key) && !f(key, value) {
				return
			}
		}
	}
}

func (h plainHeaders) Clone() api.HeaderMap {
	out := plainHeaders{}
	for key, values := range h {
		out[key] = append([]string(nil), values...)
	}
	return out
}

func (h plainHeaders) ByteSize() uint64 {
	var size uint64
	h.Range(func(key, value string) bool {
		size += uint64(len(key) + len(value))
		return true
	})
	return size
}
