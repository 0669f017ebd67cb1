#include "openvino/content_hash.h"

#include <unistd.h>

#include <array>
#include <cstring>

#include "openvino/errors.h"

namespace openvino {

namespace {

constexpr size_t kLanes = 4;
constexpr size_t kWordBytes = sizeof(uint64_t);
constexpr size_t kBlockBytes = kLanes * 2 * kWordBytes;

constexpr size_t kSampledFrom = size_t{64} << 10;
constexpr size_t kSampledEnd = size_t{4} << 10;
/** Within a page each, and as many as are read in a few microseconds where nothing of them is in a cache. */
constexpr size_t kSampledPlace = 128;
constexpr size_t kSampledPlaces = 32;

using Key = std::array<uint64_t, kLanes * 2 + 1>;

const Key& ProcessKey() {
  static const Key key = [] {
    Key drawn{};
    // The system's own; std::random_device asks for a newer C library than the rest of the addon.
    if (getentropy(drawn.data(), sizeof drawn) != 0) throw Failure("ERR_NN_OUT_OF_MEMORY", "the system gives no random numbers");
    return drawn;
  }();
  return key;
}

/** Both halves of the 128-bit product: every bit of either factor reaches every bit of the result. */
uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t WordAt(const uint8_t* data) {
  uint64_t word;
  std::memcpy(&word, data, kWordBytes);
  return word;
}

void AddBlock(std::array<uint64_t, kLanes>& lanes, const uint8_t* block, const Key& key) {
  for (size_t lane = 0; lane < kLanes; lane++) {
    const uint8_t* words = block + lane * 2 * kWordBytes;
    lanes[lane] = Mix(WordAt(words) ^ key[lane * 2], WordAt(words + kWordBytes) ^ key[lane * 2 + 1] ^ lanes[lane]);
  }
}

}  // namespace

void ContentHash::Add(ByteView bytes) {
  const Key& key = ProcessKey();
  std::array<uint64_t, kLanes> lanes;
  lanes.fill(state_);
  size_t at = 0;
  for (; at + kBlockBytes <= bytes.length; at += kBlockBytes) AddBlock(lanes, bytes.data + at, key);
  std::array<uint8_t, kBlockBytes> rest{};
  if (at < bytes.length) std::memcpy(rest.data(), bytes.data + at, bytes.length - at);
  AddBlock(lanes, rest.data(), key);
  uint64_t state = Mix(bytes.length ^ key[kLanes * 2], state_ ^ key[0]);
  for (const uint64_t lane : lanes) state = Mix(state ^ lane, key[kLanes * 2] ^ key[1]) ^ lane;
  state_ = state;
}

void ContentHash::AddSample(ByteView bytes) {
  if (bytes.length <= kSampledFrom) return Add(bytes);
  AddNumber(bytes.length);
  Add({bytes.data, kSampledEnd});
  Add({bytes.data + bytes.length - kSampledEnd, kSampledEnd});
  const size_t step = (bytes.length - kSampledPlace) / kSampledPlaces;
  for (size_t place = 1; place < kSampledPlaces; place++) Add({bytes.data + place * step, kSampledPlace});
}

void ContentHash::AddNumber(uint64_t number) {
  uint8_t bytes[kWordBytes];
  std::memcpy(bytes, &number, kWordBytes);
  Add({bytes, kWordBytes});
}

}  // namespace openvino
