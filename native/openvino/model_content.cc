#include "openvino/model_content.h"

#include <cstring>

#include "openvino/content_hash.h"

namespace openvino {

namespace {

constexpr const char* kEncodingNames[] = {"ir", "onnx", "tensorflow", "tensorflowlite"};

ByteView ViewOf(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

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
  for (const ByteView builder : request.builders) builders_.push_back(OwnedBytes::CopyOf(builder));
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
  for (size_t index = 0; index < builders_.size(); index++) {
    if (!Equal(builders_[index].view(), request.builders[index])) return false;
  }
  return true;
}

uint64_t HashOf(const ModelRequest& request) {
  ContentHash hash;
  hash.Add(ViewOf(EncodingName(request.encoding)));
  hash.Add(ViewOf(request.target.device));
  for (const auto& [key, value] : request.target.properties) {
    hash.Add(ViewOf(key));
    hash.Add(ViewOf(value));
  }
  for (const ByteView builder : request.builders) hash.Add(builder);
  return hash.Value();
}

}  // namespace openvino
