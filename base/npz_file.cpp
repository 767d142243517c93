#include "base/npz_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>

#include "base/error.h"

namespace penumbra {
namespace {

static_assert(std::endian::native == std::endian::little, ".npy numbers are read as they lie in the file");

UserError damaged(const std::filesystem::path& file, const std::string& what) {
  return UserError(fmt::format("{}: {}", file.string(), what));
}

// Numbers of a zip archive stand in it little-endian and unaligned.
template <class T>
T number_at(const std::string& bytes, std::size_t at, const std::filesystem::path& file) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) throw damaged(file, "the .npz archive is cut short");
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

double half_to_double(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double mantissa = bits & 1023;
  double value = exponent == 0    ? std::ldexp(mantissa, -24)
                 : exponent == 31 ? (mantissa == 0 ? HUGE_VAL : std::nan(""))
                                  : std::ldexp(mantissa + 1024.0, exponent - 25);
  return bits >> 15 ? -value : value;
}

// The text after 'key': in the header of an .npy file, which is a Python literal.
std::string header_value(const std::string& header, const std::string& key) {
  const std::size_t found = header.find("'" + key + "':");
  if (found == std::string::npos) return {};
  std::size_t from = found + key.size() + 3;
  while (from < header.size() && header[from] == ' ') ++from;
  if (from >= header.size()) return {};
  const char end = header[from] == '(' ? ')' : header[from] == '\'' ? '\'' : ',';
  const std::size_t to = header.find(end, from + 1);
  if (to == std::string::npos) return {};
  return header.substr(from, to - from + (end == ',' ? 0 : 1));
}

// From an array whose first index runs fastest.
std::vector<double> row_major(const std::vector<double>& values, const std::vector<std::size_t>& shape) {
  std::vector<double> result(values.size());
  std::vector<std::size_t> at(shape.size());
  for (double& value : result) {
    std::size_t from = 0;
    for (std::size_t d = shape.size(); d-- > 0;) from = from * shape[d] + at[d];
    value = values[from];
    for (std::size_t d = shape.size(); d-- > 0 && ++at[d] == shape[d];) at[d] = 0;
  }
  return result;
}

}  // namespace

NpzReader::NpzReader(const std::filesystem::path& file) : file_(file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw damaged(file, "cannot be read");
  content_.assign(std::istreambuf_iterator<char>(stream), {});
  // The end of central directory record is the last thing in the file, but for a comment of at most 65535 bytes.
  constexpr std::size_t kEndBytes = 22;
  const std::size_t end = content_.size() < kEndBytes ? std::string::npos : content_.rfind("PK\x05\x06");
  if (end == std::string::npos) throw damaged(file, "not an .npz archive, or cut short");
  const auto count = number_at<std::uint16_t>(content_, end + 10, file);
  std::size_t at = number_at<std::uint32_t>(content_, end + 16, file);
  for (int i = 0; i < count; ++i) {
    if (number_at<std::uint32_t>(content_, at, file) != 0x02014b50u) {
      throw damaged(file, "the directory of the .npz archive is damaged");
    }
    Member member{};
    member.method = number_at<std::uint16_t>(content_, at + 10, file);
    member.crc = number_at<std::uint32_t>(content_, at + 16, file);
    member.packed_bytes = number_at<std::uint32_t>(content_, at + 20, file);
    member.bytes = number_at<std::uint32_t>(content_, at + 24, file);
    member.offset = number_at<std::uint32_t>(content_, at + 42, file);
    const auto name_bytes = number_at<std::uint16_t>(content_, at + 28, file);
    const auto extra_bytes = number_at<std::uint16_t>(content_, at + 30, file);
    const auto comment_bytes = number_at<std::uint16_t>(content_, at + 32, file);
    if (content_.size() < at + 46 + name_bytes) throw damaged(file, "the .npz archive is cut short");
    std::string name = content_.substr(at + 46, name_bytes);
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    members_[name] = member;
    at += 46u + name_bytes + extra_bytes + comment_bytes;
  }
}

std::vector<std::string> NpzReader::names() const {
  std::vector<std::string> names;
  for (const auto& [name, member] : members_) names.push_back(name);
  return names;
}

std::string NpzReader::unpacked(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) {
    throw damaged(file_, fmt::format("has no array {}; it holds {}", name, fmt::join(names(), ", ")));
  }
  const Member& member = found->second;
  const auto bad = [&](const std::string& what) { return damaged(file_, fmt::format("array {}: {}", name, what)); };
  if (number_at<std::uint32_t>(content_, member.offset, file_) != 0x04034b50u) throw bad("its entry is damaged");
  const std::size_t from = member.offset + 30 + number_at<std::uint16_t>(content_, member.offset + 26, file_) +
                           number_at<std::uint16_t>(content_, member.offset + 28, file_);
  if (from > content_.size() || content_.size() - from < member.packed_bytes) throw bad("cut short");
  std::string bytes;
  if (member.method == 0) {
    bytes = content_.substr(from, member.packed_bytes);
  } else if (member.method == 8) {
    // Deflate packs no better than 1032 to 1: a larger size is a damaged directory.
    if (member.bytes / 1032 > member.packed_bytes) throw bad("its entry is damaged");
    bytes.resize(member.bytes);
    z_stream stream{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content_.data() + from));  // zlib only reads it
    stream.avail_in = static_cast<uInt>(member.packed_bytes);
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    const int result = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (result != Z_STREAM_END || stream.avail_out != 0) throw bad("its compressed data are damaged");
  } else {
    throw bad(fmt::format("compression method {}: only stored (0) and deflated (8) members are read", member.method));
  }
  if (crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())) != member.crc) {
    throw bad("its checksum is wrong: the file is damaged");
  }
  return bytes;
}

NpzReader::Array NpzReader::array(const std::string& name, const std::vector<std::size_t>& expected) const {
  const std::string bytes = unpacked(name);
  const auto bad = [&](const std::string& what) { return damaged(file_, fmt::format("array {}: {}", name, what)); };
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < 12) throw bad("not an .npy file");
  const bool wide = bytes[6] >= 2;  // version 2 and later have a longer length
  const std::size_t header_from = wide ? 12 : 10;
  const std::size_t header_bytes =
      wide ? number_at<std::uint32_t>(bytes, 8, file_) : number_at<std::uint16_t>(bytes, 8, file_);
  if (bytes.size() < header_from + header_bytes) throw bad("cut short");
  const std::string header = bytes.substr(header_from, header_bytes);

  Array array;
  const std::string shape = header_value(header, "shape");
  for (std::size_t at = 0; at < shape.size();) {
    const std::size_t from = shape.find_first_of("0123456789", at);
    if (from == std::string::npos) break;
    std::size_t used = 0;
    array.shape.push_back(std::stoull(shape.substr(from), &used));
    at = from + used;
  }
  if (!expected.empty() && array.shape != expected) {
    throw bad(fmt::format("shape [{}], expected [{}]", fmt::join(array.shape, ", "), fmt::join(expected, ", ")));
  }
  const std::string columns_first = header_value(header, "fortran_order");
  if (columns_first != "False" && columns_first != "True") throw bad("its header is damaged");

  const std::size_t data = header_from + header_bytes;
  std::size_t count = 1;
  for (const std::size_t extent : array.shape) {
    if (extent != 0 && count > bytes.size() / extent) throw bad("cut short");
    count *= extent;
  }
  const auto read = [&]<class T>(T, auto&& convert) {
    if (bytes.size() - data != count * sizeof(T)) throw bad("cut short");
    array.values.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      T value;
      std::memcpy(&value, bytes.data() + data + i * sizeof(T), sizeof(T));
      array.values[i] = convert(value);
    }
  };
  const auto plain = [](auto value) { return static_cast<double>(value); };
  const std::string type = header_value(header, "descr");
  if (type == "'<f2'") {
    read(std::uint16_t{}, half_to_double);
  } else if (type == "'<f4'") {
    read(float{}, plain);
  } else if (type == "'<f8'") {
    read(double{}, plain);
  } else if (type == "'<i4'") {
    read(std::int32_t{}, plain);
  } else if (type == "'<i8'") {
    read(std::int64_t{}, plain);
  } else if (type == "'|b1'") {
    read(std::uint8_t{}, plain);
  } else {
    throw bad(fmt::format("type {}: expected <f2, <f4, <f8, <i4, <i8 or |b1", type.empty() ? "missing" : type));
  }
  if (columns_first == "True") array.values = row_major(array.values, array.shape);
  return array;
}

}  // namespace penumbra
