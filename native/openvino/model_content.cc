#include "openvino/model_content.h"

#include <algorithm>
#include <cstring>

#include "openvino/content_hash.h"

namespace openvino {

namespace {

constexpr const char* kEncodingNames[] = {"ir", "onnx", "tensorflow", "tensorflowlite"};

ByteView ViewOf(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

/** What is hashed at a time: small enough to be in the cache still when it was just copied. */
constexpr size_t kChunkBytes = size_t{64} << 10;
/** Large enough for the comparison's full speed, and read in less time than a call's takes to vary. */
constexpr size_t kComparedBytes = size_t{16} << 10;

void AddTarget(ContentHash& hash, Encoding encoding, const CompileTarget& target) {
  hash.Add(ViewOf(EncodingName(encoding)));
  hash.Add(ViewOf(target.device));
  for (const auto& [key, value] : target.properties) {
    hash.Add(ViewOf(key));
    hash.Add(ViewOf(value));
  }
}

/** Calls `on_chunk` for each piece of the bytes, at least once. */
template <typename OnChunk>
void ForEachChunk(size_t length, size_t chunk_bytes, OnChunk on_chunk) {
  size_t at = 0;
  do {
    const size_t chunk = std::min(chunk_bytes, length - at);
    on_chunk(at, chunk);
    at += chunk;
  } while (at < length);
}

void AddBuilder(ContentHash& hash, ByteView builder) {
  ForEachChunk(builder.length, kChunkBytes, [&](size_t at, size_t chunk) { hash.Add({builder.data + at, chunk}); });
}

OwnedBytes CopyAndAdd(ContentHash& hash, ByteView builder) {
  OwnedBytes copy = OwnedBytes::Zeroed(builder.length);
  ForEachChunk(builder.length, kChunkBytes, [&](size_t at, size_t chunk) {
    if (chunk > 0) std::memcpy(copy.data() + at, builder.data + at, chunk);
    hash.Add({copy.data() + at, chunk});
  });
  return copy;
}

/** Goes on where they differ, but for the end of a chunk. */
bool Equal(ByteView one, ByteView other) {
  if (one.length != other.length) return false;
  bool is_equal = true;
  ForEachChunk(one.length, kComparedBytes, [&](size_t at, size_t chunk) {
    if (chunk > 0 && std::memcmp(one.data + at, other.data + at, chunk) != 0) is_equal = false;
  });
  return is_equal;
}

}  // namespace

bool EncodingFromName(const std::string& name, Encoding* encoding) {
  for (size_t index = 0; index < sizeof kEncodingNames / sizeof *kEncodingNames; index++) {
    if (name != kEncodingNames[index]) continue;
    *encoding = static_cast<Encoding>(index);
    return true;
  }
  return false;
}

const char* EncodingName(Encoding encoding) { return kEncodingNames[static_cast<size_t>(encoding)]; }

ModelContent::ModelContent(const ModelRequest& request) : encoding_(request.encoding), target_(request.target) {
  ContentHash hash;
  AddTarget(hash, encoding_, target_);
  for (const ByteView builder : request.builders) builders_.push_back(CopyAndAdd(hash, builder));
  hash_ = hash.Value();
  sample_ = SampleOf(AsRequest());
}

ModelContent::ModelContent(Encoding encoding, std::vector<OwnedBytes> builders, CompileTarget target)
    : encoding_(encoding), builders_(std::move(builders)), target_(std::move(target)) {
  const ModelRequest request = AsRequest();
  hash_ = HashOf(request);
  sample_ = SampleOf(request);
}

ModelRequest ModelContent::AsRequest() const {
  ModelRequest request{encoding_, {}, target_};
  for (const OwnedBytes& builder : builders_) request.builders.push_back(builder.view());
  return request;
}

bool ModelContent::Equals(const ModelRequest& request) const {
  if (encoding_ != request.encoding || target_.device != request.target.device ||
      target_.properties != request.target.properties || builders_.size() != request.builders.size()) {
    return false;
  }
  bool is_equal = true;
  for (size_t index = 0; index < builders_.size(); index++) {
    if (!Equal(builders_[index].view(), request.builders[index])) is_equal = false;
  }
  return is_equal;
}

uint64_t SampleOf(const ModelRequest& request) {
  ContentHash hash;
  AddTarget(hash, request.encoding, request.target);
  for (const ByteView builder : request.builders) hash.AddSample(builder);
  return hash.Value();
}

uint64_t HashOf(const ModelRequest& request) {
  ContentHash hash;
  AddTarget(hash, request.encoding, request.target);
  for (const ByteView builder : request.builders) AddBuilder(hash, builder);
  return hash.Value();
}

}  // namespace openvino
