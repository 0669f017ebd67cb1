#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace openvino {

/** One tag. Views into the text that is read. */
struct XmlTag {
  enum class Kind { kOpen, kClose };

  Kind kind = Kind::kOpen;
  /** Of an open tag: `<a/>`; no close tag follows. */
  bool self_closing = false;
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> attributes;

  /** The first attribute of this name as it is written, or null. */
  const std::string_view* Find(std::string_view attribute) const;
};

/**
 * Reads the tags of an XML text, of a subset that every XML parser understands alike: elements, attributes in quotes,
 * comments, processing instructions. Document types, CDATA, NUL and `<` in attributes are errors; text is skipped.
 */
class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : text_(text) {}

  /** False at the end. @throws Failure ERR_NN_INVALID_MODEL */
  bool Next(XmlTag* tag);

 private:
  bool SkipTo(std::string_view mark);
  void SkipBlanks();
  bool Take(char character);
  std::string_view Name();
  std::string_view QuotedValue();
  void ReadOpenTag(XmlTag* tag);
  [[noreturn]] void Fail(const char* reason) const;

  std::string_view text_;
  size_t at_ = 0;
};

/** An attribute's value with its character references resolved, as far as they are well formed. */
std::string DecodeXmlText(std::string_view text);

}  // namespace openvino
