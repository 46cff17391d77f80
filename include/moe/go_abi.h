// The C functions and structures between moe and a Go plugin: what plugins built with the Go SDK of
// module github.com/envoyproxy/envoy v1.33.0 (contrib/golang/common/go/api/api.h) expect of the
// program that loads them, and what they export to it. tools/check-abi compares the two.
//
// Strings are pointer and length, never terminated. Go strings and slices that are passed in belong
// to Go and are copied before a function returns.
#pragma once

#include <atomic>
#include <cstdint>

extern "C" {

namespace moe::abi {

struct String {
  const char* data;
  uint64_t size;
};

struct HttpRequest;

// One direction of a request. Go keeps a pointer to it until its request object is finalized.
struct ProcessState {
  HttpRequest* request;
  int isEncoding;
  int state; // a Phase
};

struct HttpRequest {
  String pluginName;
  uint64_t configId;
  uint32_t workerId; // below HttpConfig::concurrency
  std::atomic<int> isProcessingLog;
};

// What a plugin's configuration is made from.
struct HttpConfig {
  uint64_t pluginNamePtr;
  uint64_t pluginNameLen;
  uint64_t configPtr; // a serialized google.protobuf.Any
  uint64_t configLen;
  int isRouteConfig;
  uint32_t concurrency;
};

// ProcessState::state. Go reads the three Processing values only.
enum Phase : int {
  kWaitingHeaders = 0,
  kProcessingHeaders = 1,
  kWaitingData = 2,
  kWaitingAllData = 3,
  kProcessingData = 4,
  kWaitingTrailers = 5,
  kProcessingTrailers = 6,
  kDone = 8,
};

// What a Go filter answers, or hands to Continue later.
enum FilterStatus : int {
  kRunning = 0, // Continue or SendLocalReply will come from a goroutine
  kLocalReply = 1,
  kContinue = 2,
  kStopAndBuffer = 3,          // call again with the whole body
  kStopAndBufferWatermark = 4, // keep this, call again with more
  kStopNoBuffer = 5,           // drop this, call again with the next
};

enum BufferAction : uint32_t { kBufferSet = 0, kBufferAppend = 1, kBufferPrepend = 2 };
enum HeaderAction : uint32_t { kHeaderSet = 0, kHeaderAdd = 1 };

enum Status : int {
  kOk = 0,
  kFilterIsGone = -1,
  kFilterIsDestroy = -2,
  kNotInGo = -3,
  kInvalidPhase = -4,
  kValueNotFound = -5,
  kYield = -6, // the value comes later, then envoyGoRequestSemaDec is called
  kInternalFailure = -7,
  kSerializationFailure = -8,
};

enum StringValue : int {
  kRouteName = 1,
  kFilterChainName = 2,
  kResponseCodeDetails = 5,
  kDownstreamLocalAddress = 7,
  kDownstreamRemoteAddress = 8,
  kUpstreamLocalAddress = 9,
  kUpstreamRemoteAddress = 10,
  kUpstreamClusterName = 11,
  kVirtualClusterName = 12,
};
enum IntegerValue : int { kProtocol = 3, kResponseCode = 4, kAttemptCount = 6 };

enum AccessLogType : uint64_t { kDownstreamEnd = 6 };
enum DestroyReason : uint64_t { kNormal = 0, kTerminate = 1 };

// What a plugin exports; the names of the functions stand behind each.
using NewHttpPluginConfig = uint64_t(HttpConfig* config);             // 0: it does not parse
using DestroyHttpPluginConfig = void(uint64_t id, int64_t needDelay); //
using MergeHttpPluginConfig = uint64_t(uint64_t namePtr, uint64_t nameLen, uint64_t parentId,
                                       uint64_t childId);
using OnHttpHeader = uint64_t(ProcessState* state, uint64_t endStream, uint64_t headerNum,
                              uint64_t headerBytes); // also trailers
using OnHttpData = uint64_t(ProcessState* state, uint64_t endStream, uint64_t buffer,
                            uint64_t length);
using OnHttpLog = void(HttpRequest* request, uint64_t type, ProcessState* decoding,
                       ProcessState* encoding, uint64_t reqHeaderNum, uint64_t reqHeaderBytes,
                       uint64_t reqTrailerNum, uint64_t reqTrailerBytes, uint64_t respHeaderNum,
                       uint64_t respHeaderBytes, uint64_t respTrailerNum,
                       uint64_t respTrailerBytes);
using OnHttpStreamComplete = void(HttpRequest* request);
using OnHttpDestroy = void(HttpRequest* request, uint64_t reason);
using RequestSemaDec = void(HttpRequest* request);

} // namespace moe::abi

#define MOE_GO_ABI __attribute__((visibility("default"), used))

// --- one direction of a request: `s` is a ProcessState. Any thread.
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpContinue(void* s, int status);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpSendLocalReply(void* s, int response_code,
                                                            void* body_text_data, int body_text_len,
                                                            void* headers, int headers_num,
                                                            long long int grpc_status,
                                                            void* details_data, int details_len);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpSendPanicReply(void* s, void* details_data,
                                                            int details_len);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpAddData(void* s, void* data, int data_len,
                                                     bool is_streaming);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetHeader(void* s, void* key_data, int key_len,
                                                       uint64_t* value_data, int* value_len);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpCopyHeaders(void* s, void* strs, void* buf);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpSetHeaderHelper(void* s, void* key_data, int key_len,
                                                             void* value_data, int value_len,
                                                             moe::abi::HeaderAction action);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpRemoveHeader(void* s, void* key_data, int key_len);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetBuffer(void* s, uint64_t buffer, void* value);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpDrainBuffer(void* s, uint64_t buffer, uint64_t length);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpSetBufferHelper(void* s, uint64_t buffer, void* data,
                                                             int length,
                                                             moe::abi::BufferAction action);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpCopyTrailers(void* s, void* strs, void* buf);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpSetTrailer(void* s, void* key_data, int key_len,
                                                        void* value, int value_len,
                                                        moe::abi::HeaderAction action);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpRemoveTrailer(void* s, void* key_data, int key_len);

// --- a request: `r` is an HttpRequest. Any thread.
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpClearRouteCache(void* r, bool refresh);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetStringValue(void* r, int id, uint64_t* value_data,
                                                            int* value_len);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetIntegerValue(void* r, int id, uint64_t* value);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetDynamicMetadata(void* r, void* name_data,
                                                                int name_len, uint64_t* value_data,
                                                                int* value_len);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpSetDynamicMetadata(void* r, void* name_data,
                                                                int name_len, void* key_data,
                                                                int key_len, void* buf_data,
                                                                int buf_len);
// Go's last word about a request: it will not use `r` again.
MOE_GO_ABI void envoyGoFilterHttpFinalize(void* r, int reason);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpSetStringFilterState(void* r, void* key_data,
                                                                  int key_len, void* value_data,
                                                                  int value_len, int state_type,
                                                                  int life_span,
                                                                  int stream_sharing);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetStringFilterState(void* r, void* key_data,
                                                                  int key_len, uint64_t* value_data,
                                                                  int* value_len);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetStringProperty(void* r, void* key_data, int key_len,
                                                               uint64_t* value_data, int* value_len,
                                                               int* rc);

// --- the process
MOE_GO_ABI void envoyGoFilterLog(uint32_t level, void* message_data, int message_len);
MOE_GO_ABI uint32_t envoyGoFilterLogLevel();

// --- a configuration: `c` is an HttpConfig
MOE_GO_ABI void envoyGoConfigHttpFinalize(void* c);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpDefineMetric(void* c, uint32_t metric_type,
                                                          void* name_data, int name_len,
                                                          uint32_t* metric_id);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpIncrementMetric(void* c, uint32_t metric_id,
                                                             int64_t offset);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpGetMetric(void* c, uint32_t metric_id,
                                                       uint64_t* value);
MOE_GO_ABI moe::abi::Status envoyGoFilterHttpRecordMetric(void* c, uint32_t metric_id,
                                                          uint64_t value);

// --- network filters: downstream and upstream connections
MOE_GO_ABI moe::abi::Status envoyGoFilterDownstreamClose(void* wrapper, int close_type);
MOE_GO_ABI moe::abi::Status envoyGoFilterDownstreamWrite(void* f, void* buffer_ptr, int buffer_len,
                                                         int end_stream);
MOE_GO_ABI void envoyGoFilterDownstreamFinalize(void* wrapper, int reason);
MOE_GO_ABI moe::abi::Status envoyGoFilterDownstreamInfo(void* wrapper, int t, void* ret);
MOE_GO_ABI void* envoyGoFilterUpstreamConnect(void* library_id, void* addr, uint64_t conn_id);
MOE_GO_ABI moe::abi::Status envoyGoFilterUpstreamConnEnableHalfClose(void* u,
                                                                     int enable_half_close);
MOE_GO_ABI moe::abi::Status envoyGoFilterUpstreamWrite(void* u, void* buffer_ptr, int buffer_len,
                                                       int end_stream);
MOE_GO_ABI moe::abi::Status envoyGoFilterUpstreamClose(void* wrapper, int close_type);
MOE_GO_ABI void envoyGoFilterUpstreamFinalize(void* wrapper, int reason);
MOE_GO_ABI moe::abi::Status envoyGoFilterUpstreamInfo(void* wrapper, int t, void* ret);
MOE_GO_ABI moe::abi::Status envoyGoFilterSetFilterState(void* wrapper, void* key, void* value,
                                                        int state_type, int life_span,
                                                        int stream_sharing);
MOE_GO_ABI moe::abi::Status envoyGoFilterGetFilterState(void* wrapper, void* key, void* value);

// --- cluster specifiers
MOE_GO_ABI int envoyGoClusterSpecifierGetHeader(unsigned long long header_ptr, void* key,
                                                void* value);
MOE_GO_ABI void envoyGoClusterSpecifierLogError(unsigned long long plugin_ptr, void* msg);

} // extern "C"
