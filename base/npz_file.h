// Arrays of numbers from NumPy's .npz: a zip archive (stored or deflated members, PKWARE's APPNOTE 6.3) of .npy files
// (NumPy Enhancement Proposal 1): little-endian float16, float32, float64, int32, int64 and bool.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace penumbra {

class NpzReader {
 public:
  // UserError naming the file: missing, not a zip archive, cut short.
  explicit NpzReader(const std::filesystem::path& file);

  bool has(const std::string& array) const { return members_.contains(array); }
  std::vector<std::string> names() const;

  struct Array {
    std::vector<std::size_t> shape;
    std::vector<double> values;  // row-major
  };
  // UserError naming the file and the array: missing, damaged, of another type or shape. `expected`: {} for any shape.
  Array array(const std::string& name, const std::vector<std::size_t>& expected = {}) const;

 private:
  struct Member {
    std::size_t offset, packed_bytes, bytes;  // of the local header, and of the data
    unsigned method, crc;
  };
  std::string unpacked(const std::string& name) const;

  std::filesystem::path file_;
  std::string content_;
  std::map<std::string, Member> members_;  // by name, without ".npy"
};

}  // namespace penumbra
