package metadata

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/moeproxy/moe/gofilter/mosn"
)

// documented is the first block of a language in docs/mosn.md.
func documented(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/mosn.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```"+language+"\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("docs/mosn.md has no block of %s", language)
	}
	return block
}

func TestTheDocumentedLibraryIsAPlugin(t *testing.T) {
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	source := file("main.go", documented(t, "go"))
	overlay, err := json.Marshal(map[string]interface{}{"Replace": map[string]string{filepath.Join(module, "cmd/documented/main.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(dir, "lib.so")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-overlay", file("overlay.json", string(overlay)), "-o", library, "./cmd/documented")
	build.Dir = module
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	opened, err := elf.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	symbols, err := opened.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, symbol := range symbols {
		if symbol.Name == "envoyGoFilterNewHttpPluginConfig" && symbol.Section != elf.SHN_UNDEF {
			return
		}
	}
	t.Error("the library does not export what a proxy calls")
}

// tools/demo runs cmd/demo in a proxy, and with it what the documents say.
func TestTheDemoIsTheDocumentedLibrary(t *testing.T) {
	demo, err := os.ReadFile("../../cmd/demo/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if _, code, _ := strings.Cut(string(demo), "\npackage main"); "package main"+code != documented(t, "go") {
		t.Errorf("cmd/demo is\n%s", demo)
	}
}

func TestTheDocumentedConfigurationNeedsNoMoreThanTheImport(t *testing.T) {
	if text := documented(t, "yaml"); !strings.Contains(text, "stream_filters:\n    - {type: metadata, config: {driver: UNIT}}\n") {
		t.Fatalf("the test knows another configuration than\n%s", text)
	}
	fields, err := structpb.NewStruct(map[string]interface{}{"stream_filters": []interface{}{
		map[string]interface{}{"type": "metadata", "config": map[string]interface{}{"driver": "UNIT"}}}})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := anypb.New(fields)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (mosn.ConfigParser{}).Parse(packed, nil); err != nil { // no filters are given to the plugin
		t.Error(err)
	}
}
