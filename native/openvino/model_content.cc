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
void ForEachChunk(size_t length, OnChunk on_chunk) {
  size_t at = 0;
  do {
    const size_t chunk = std::min(kChunkBytes, length - at);
    on_chunk(at, chunk);
    at += chunk;
  } while (at < length);
}

void AddBuilder(ContentHash& hash, ByteView builder) {
  ForEachChunk(builder.length, [&](size_t at, size_t chunk) { hash.Add({builder.data + at, chunk}); });
}

OwnedBytes CopyAndAdd(ContentHash& hash, ByteView builder) {
  OwnedBytes copy = OwnedBytes::Zeroed(builder.length);
  ForEachChunk(builder.length, [&](size_t at, size_t chunk) {
    if (chunk > 0) std::memcpy(copy.data() + at, builder.data + at, chunk);
    hash.Add({copy.data() + at, chunk});
  });
  return copy;
}

bool Equal(ByteView one, ByteView other) {
  return one.length == other.length && (one.length == 0 || std::memcmp(one.data, other.data, one.length) == 0);
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
}

ModelContent::ModelContent(Encoding encoding, std::vector<OwnedBytes> builders, CompileTarget target)
    : encoding_(encoding), builders_(std::move(builders)), target_(std::move(target)), hash_(HashOf(AsRequest())) {}

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
  for (size_t index = 0; index < builders_.size(); index++) {
    if (!Equal(builders_[index].view(), request.builders[index])) return false;
  }
  return true;
}

uint64_t HashOf(const ModelRequest& request) {
  ContentHash hash;
  AddTarget(hash, request.encoding, request.target);
  for (const ByteView builder : request.builders) AddBuilder(hash, builder);
  return hash.Value();
}

}  // namespace openvino
