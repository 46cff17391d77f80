// Command descriptors writes a FileDescriptorSet of the Envoy API: the files that the packages in
// packages.go carry, with all their imports, dependencies first.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: descriptors SET LIST\n  SET: the FileDescriptorSet to write\n  LIST: the files to compile, a path a line")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "descriptors:", err)
		os.Exit(1)
	}
}

func run(setPath, listPath string) error {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		files = append(files, file)
		return true
	})
	sort.Slice(files, func(i, j int) bool { return files[i].Path() < files[j].Path() })

	set := &descriptorpb.FileDescriptorSet{}
	var compiled []string
	seen := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		imports := file.Imports()
		for i := 0; i < imports.Len(); i++ {
			add(imports.Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		// libprotobuf has its own of these.
		if !strings.HasPrefix(file.Path(), "google/protobuf/") {
			compiled = append(compiled, file.Path())
		}
	}
	for _, file := range files {
		add(file)
	}
	bytes, err := proto.Marshal(set)
	if err != nil {
		return err
	}
	if err := os.WriteFile(setPath, bytes, 0o644); err != nil {
		return err
	}
	return os.WriteFile(listPath, []byte(strings.Join(compiled, "\n")+"\n"), 0o644)
}
