// bench_core/wire.py's protocol: a length, a JSON header, the arrays that it announces.

#pragma once

#include <torch/script.h>

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <sstream>

struct Json {
  double number = 0;
  std::string text;
  std::vector<std::string> keys;  // of an object; then items are its values
  std::vector<Json> items;

  const Json& operator[](const std::string& key) const {
    auto found = std::find(keys.begin(), keys.end(), key);
    TORCH_CHECK(found != keys.end(), "the message has no \"", key, "\"");
    return items[found - keys.begin()];
  }
};

// Objects, arrays, numbers and strings without escapes: all that a message to us is made of.
class Reader {
 public:
  explicit Reader(const std::string& text) : at_(text.c_str()) {}

  Json value() {
    Json found;
    switch (next()) {
      case '{':
      case '[':
        return group(*at_ == '{' ? '}' : ']');
      case '"':
        found.text = string();
        return found;
    }
    char* end = nullptr;
    found.number = std::strtod(at_, &end);
    TORCH_CHECK(end != at_, "expected JSON, found ", at_);
    at_ = end;
    return found;
  }

 private:
  const char* at_;

  char next() {
    while (*at_ == ' ' || *at_ == ',' || *at_ == ':') ++at_;
    return *at_;
  }

  Json group(char close) {
    Json found;
    for (++at_; next() != close;) {
      if (close == '}') found.keys.push_back(string());
      found.items.push_back(value());
    }
    ++at_;
    return found;
  }

  std::string string() {
    const char* end = next() == '"' ? at_ + std::strcspn(at_ + 1, "\"\\") + 1 : at_;
    TORCH_CHECK(end != at_ && *end == '"', "expected a plain string, found ", at_);
    std::string found(at_ + 1, end);
    at_ = end + 1;
    return found;
  }
};

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << '"' << std::hex << std::setfill('0');
  for (unsigned char c : text) {
    if (c < ' ' || c == '"' || c == '\\') {
      out << "\\u" << std::setw(4) << int(c);
    } else {
      out << c;
    }
  }
  out << '"';
  return out.str();
}

const std::vector<std::pair<std::string, at::ScalarType>> DTYPES = {
    {"<f4", at::kFloat}, {"<f8", at::kDouble}, {"<f2", at::kHalf},
    {"<i8", at::kLong},  {"<i4", at::kInt},    {"<i2", at::kShort},
    {"|i1", at::kChar},  {"|u1", at::kByte},   {"|b1", at::kBool}};

struct Array {
  std::string dtype;
  std::vector<int64_t> shape;
  at::Tensor bytes;

  at::Tensor tensor() const {
    for (const auto& [name, type] : DTYPES) {
      if (name == dtype) return bytes.view(type).reshape(shape);
    }
    TORCH_CHECK(false, "no tensor is made of a numpy array of dtype ", dtype);
  }
};

// One end of a socket. What cannot be read is the end: `receive` then is false.
class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) {}

  bool receive(Json& message, std::vector<Array>& arrays) {
    uint32_t size = 0;
    if (!exactly(&size, sizeof size)) return false;
    std::string text(size, ' ');
    if (!exactly(text.data(), size)) return false;
    Json header = Reader(text).value();
    message = header["message"];
    arrays.clear();
    for (const Json& one : header["arrays"].items) {
      Array array{one.items.at(0).text, {}, {}};
      int64_t bytes = std::stoll(array.dtype.substr(2));
      for (const Json& side : one.items.at(1).items) {
        array.shape.push_back(int64_t(side.number));
        bytes *= array.shape.back();
      }
      array.bytes = at::empty({bytes}, at::kByte);
      if (!exactly(array.bytes.data_ptr(), bytes)) return false;
      arrays.push_back(std::move(array));
    }
    return true;
  }

  void send(const std::string& message, const std::vector<at::Tensor>& tensors = {}) {
    std::ostringstream header;
    header << "{\"message\": " << message << ", \"arrays\": [";
    for (size_t i = 0; i < tensors.size(); ++i) {
      header << (i ? ", " : "") << '[' << quoted(name_of(tensors[i])) << ", " << tensors[i].sizes()
             << ']';
    }
    header << "]}";
    std::string text = header.str();
    uint32_t size = text.size();
    all(&size, sizeof size);
    all(text.data(), size);
    for (const at::Tensor& tensor : tensors) all(tensor.data_ptr(), tensor.nbytes());
  }

 private:
  int fd_;

  static std::string name_of(const at::Tensor& tensor) {
    for (const auto& [name, type] : DTYPES) {
      if (type == tensor.scalar_type()) return name;
    }
    TORCH_CHECK(false, "numpy has no array for a tensor of ", tensor.dtype().name());
  }

  bool exactly(void* into, size_t size) {
    for (size_t done = 0; done < size;) {
      ssize_t got = recv(fd_, static_cast<char*>(into) + done, size - done, 0);
      if (got <= 0 && errno != EINTR) return false;
      if (got > 0) done += got;
    }
    return true;
  }

  void all(const void* from, size_t size) {
    for (size_t done = 0; done < size;) {
      ssize_t sent = ::send(fd_, static_cast<const char*>(from) + done, size - done, MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR) std::exit(1);  // nobody is left to tell
      if (sent > 0) done += sent;
    }
  }
};
