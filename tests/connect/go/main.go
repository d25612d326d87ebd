// A caller of vault.v1 with connect-go: one line of JSON at a time says which method to call, and gets its answer.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type asked struct {
	Method    string          `json:"method"`
	Form      string          `json:"form"` // "proto" or "json"
	Gzip      bool            `json:"gzip"` // of the request
	Token     string          `json:"token"`
	TimeoutMs int             `json:"timeout_ms"`
	Message   json.RawMessage `json:"message"`
	Fill      map[string]int  `json:"fill"` // fields to fill with so many bytes, which need not pass through a pipe
}

type answered struct {
	Answer json.RawMessage `json:"answer,omitempty"`
	Code   string          `json:"code,omitempty"`
	Text   string          `json:"text,omitempty"`
	Sizes  map[string]int  `json:"sizes,omitempty"` // of the texts of an answer that was asked for by `fill`
}

var kept = map[string]string{} // texts of the last large answer, to be sent again

func main() {
	url, described := os.Args[1], os.Args[2]
	raw, err := os.ReadFile(described)
	must(err)
	var file descriptorpb.FileDescriptorProto
	must(proto.Unmarshal(raw, &file))
	built, err := protodesc.NewFile(&file, nil)
	must(err)
	service := built.Services().Get(0)
	lines, out := bufio.NewReaderSize(os.Stdin, 1<<20), json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var ask asked
		must(json.Unmarshal(line, &ask))
		must(out.Encode(call(url, service, ask)))
	}
}

func call(url string, service protoreflect.ServiceDescriptor, ask asked) answered {
	method := service.Methods().ByName(protoreflect.Name(ask.Method))
	options := []connect.ClientOption{
		connect.WithSchema(method),
		connect.WithResponseInitializer(func(_ connect.Spec, message any) error {
			*message.(*dynamicpb.Message) = *dynamicpb.NewMessage(method.Output())
			return nil
		}),
	}
	if ask.Form == "json" {
		options = append(options, connect.WithProtoJSON())
	}
	if ask.Gzip {
		options = append(options, connect.WithSendGzip())
	}
	path := url + "/" + string(service.FullName()) + "/" + ask.Method
	client := connect.NewClient[dynamicpb.Message, dynamicpb.Message](http.DefaultClient, path, options...)
	message := dynamicpb.NewMessage(method.Input())
	must(protojson.Unmarshal(ask.Message, message))
	for name, size := range ask.Fill {
		message.Set(method.Input().Fields().ByName(protoreflect.Name(name)), protoreflect.ValueOfString(filled(name, size)))
	}
	request := connect.NewRequest(message)
	if ask.Token != "" {
		request.Header().Set("Authorization", "Bearer "+ask.Token)
	}
	ctx := context.Background()
	if ask.TimeoutMs != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ask.TimeoutMs)*time.Millisecond)
		defer cancel()
	}
	response, err := client.CallUnary(ctx, request)
	if err != nil {
		return answered{Code: connect.CodeOf(err).String(), Text: err.Error()}
	}
	if ask.Fill != nil {
		return answered{Sizes: keep(response.Msg)}
	}
	answer, err := protojson.Marshal(response.Msg)
	must(err)
	return answered{Answer: answer}
}

// filled returns so many bytes; or the kept text of that name, if the size is negative.
func filled(name string, size int) string {
	if size < 0 {
		return kept[name]
	}
	text := make([]byte, size)
	for i := range text {
		text[i] = 'a' + byte(i*i%26)
	}
	return string(text)
}

func keep(message *dynamicpb.Message) map[string]int {
	sizes := map[string]int{}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		kept[string(field.Name())] = value.String()
		sizes[string(field.Name())] = len(value.String())
		return true
	})
	return sizes
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
