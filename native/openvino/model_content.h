#pragma once

#include <string>
#include <utility>
#include <vector>

#include "openvino/bytes.h"

namespace openvino {

enum class Encoding { kIr, kOnnx, kTensorFlow, kTensorFlowLite };

/** False for a name that is none. The names are those of src/native/openvino.ts. */
bool EncodingFromName(const std::string& name, Encoding* encoding);
const char* EncodingName(Encoding encoding);

/** Where and how to compile. */
struct CompileTarget {
  std::string device;
  /** Key and value, in the order given. */
  std::vector<std::pair<std::string, std::string>> properties;
};

/** What a caller asks for: views of bytes that may be guest memory. */
struct ModelRequest {
  Encoding encoding = Encoding::kIr;
  /** IR: xml, then weights or nothing. Others: one. */
  std::vector<ByteView> builders;
  CompileTarget target;
};

/**
 * A private copy of what was asked for. It is made before anything looks at the bytes, it is the key of the compiled
 * model in the table, and its weights are what the compiled model's constants point to: it lives as long as the model.
 */
class ModelContent {
 public:
  /** @throws std::bad_alloc */
  explicit ModelContent(const ModelRequest& request);
  ModelContent(Encoding encoding, std::vector<OwnedBytes> builders, CompileTarget target);

  Encoding encoding() const { return encoding_; }
  const std::vector<OwnedBytes>& builders() const { return builders_; }
  const CompileTarget& target() const { return target_; }
  /** The request that this is a copy of, over the copy's bytes. */
  ModelRequest AsRequest() const;
  /** Takes as long whether and wherever they differ: a guest is not to learn from it what another has loaded. */
  bool Equals(const ModelRequest& request) const;
  /** HashOf and SampleOf its own request. */
  uint64_t hash() const { return hash_; }
  uint64_t sample() const { return sample_; }

 private:
  Encoding encoding_;
  std::vector<OwnedBytes> builders_;
  CompileTarget target_;
  uint64_t hash_ = 0;
  uint64_t sample_ = 0;
};

/** Keyed per process; equal requests have equal hashes. */
uint64_t HashOf(const ModelRequest& request);
/** The same of a part of the bytes: in microseconds, however many there are. */
uint64_t SampleOf(const ModelRequest& request);

}  // namespace openvino
