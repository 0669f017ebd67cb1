#include "openvino/xml_reader.h"

#include <array>
#include <cstdlib>

#include "openvino/errors.h"

namespace openvino {

namespace {

bool IsBlank(char character) { return character == ' ' || character == '\t' || character == '\r' || character == '\n'; }

bool IsNameCharacter(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_' ||
         byte == '-' || byte == '.' || byte == ':' || byte >= 0x80;
}

constexpr size_t kMaxAttributes = 256;

}  // namespace

const std::string_view* XmlTag::Find(std::string_view attribute) const {
  for (const auto& [key, value] : attributes) {
    if (key == attribute) return &value;
  }
  return nullptr;
}

void XmlReader::Fail(const char* reason) const {
  throw Failure("ERR_NN_INVALID_MODEL", std::string("the xml ") + reason + " at byte " + std::to_string(at_));
}

bool XmlReader::SkipTo(std::string_view mark) {
  const size_t found = text_.find(mark, at_);
  if (found == std::string_view::npos) return false;
  at_ = found + mark.size();
  return true;
}

void XmlReader::SkipBlanks() {
  while (at_ < text_.size() && IsBlank(text_[at_])) at_++;
}

bool XmlReader::Take(char character) {
  if (at_ >= text_.size() || text_[at_] != character) return false;
  at_++;
  return true;
}

std::string_view XmlReader::Name() {
  const size_t start = at_;
  while (at_ < text_.size() && IsNameCharacter(text_[at_])) at_++;
  if (at_ == start) Fail("lacks a name");
  return text_.substr(start, at_ - start);
}

std::string_view XmlReader::QuotedValue() {
  const char quote = Take('"') ? '"' : '\'';
  if (quote == '\'' && !Take('\'')) Fail("has an attribute without quotes");
  const size_t start = at_;
  while (at_ < text_.size() && text_[at_] != quote) {
    if (text_[at_] == '<' || text_[at_] == '\0') Fail("has a stray character in an attribute");
    at_++;
  }
  const std::string_view value = text_.substr(start, at_ - start);
  if (!Take(quote)) Fail("ends inside an attribute");
  return value;
}

void XmlReader::ReadOpenTag(XmlTag* tag) {
  tag->kind = XmlTag::Kind::kOpen;
  tag->name = Name();
  for (;;) {
    const size_t before_blanks = at_;
    SkipBlanks();
    tag->self_closing = Take('/');
    if (Take('>')) return;
    if (tag->self_closing || at_ == before_blanks) Fail("has a malformed tag");
    const std::string_view key = Name();
    SkipBlanks();
    if (!Take('=')) Fail("has an attribute without a value");
    SkipBlanks();
    tag->attributes.emplace_back(key, QuotedValue());
    if (tag->attributes.size() > kMaxAttributes) Fail("has too many attributes in one tag");
  }
}

bool XmlReader::Next(XmlTag* tag) {
  tag->attributes.clear();
  tag->self_closing = false;
  for (;;) {
    while (at_ < text_.size() && text_[at_] != '<') {
      if (text_[at_] == '\0') Fail("holds a NUL");
      at_++;
    }
    if (at_ >= text_.size()) return false;
    const std::string_view rest = text_.substr(at_);
    if (rest.substr(0, 2) == "<?") {
      if (!SkipTo("?>")) Fail("has an endless instruction");
    } else if (rest.substr(0, 4) == "<!--") {
      at_ += 4;
      if (!SkipTo("-->")) Fail("has an endless comment");
    } else {
      break;
    }
  }
  at_++;
  if (Take('/')) {
    tag->kind = XmlTag::Kind::kClose;
    tag->name = Name();
    SkipBlanks();
    if (!Take('>')) Fail("has a malformed closing tag");
  } else {
    ReadOpenTag(tag);
  }
  return true;
}

std::string DecodeXmlText(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, char>, 5> kNamed = {
      {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
  std::string decoded;
  for (size_t at = 0; at < text.size(); at++) {
    const size_t end = text[at] == '&' ? text.find(';', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      decoded += text[at];
      continue;
    }
    const std::string reference(text.substr(at + 1, end - at - 1));
    char character = 0;
    for (const auto& [name, value] : kNamed) {
      if (reference == name) character = value;
    }
    if (reference.size() > 1 && reference[0] == '#') {
      const bool hexadecimal = reference[1] == 'x';
      const long code = std::strtol(reference.c_str() + (hexadecimal ? 2 : 1), nullptr, hexadecimal ? 16 : 10);
      // Beyond ASCII nothing is looked for, so any placeholder does.
      character = code > 0 && code < 0x80 ? static_cast<char>(code) : '?';
    }
    if (character == 0) {
      decoded += text[at];
      continue;
    }
    decoded += character;
    at = end;
  }
  return decoded;
}

}  // namespace openvino
