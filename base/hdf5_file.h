// A thin owner of an HDF5 file: datasets of doubles, floats, integers and strings, attributes, groups by path.
// Reading a missing or wrongly shaped dataset throws UserError naming the file, the dataset and what was expected.
// Writing goes through AtomicFile: the file appears on commit(), and a writer that dies leaves the old file intact.
// A folder that cannot be written to is a UserError; a disk that fails on the way an EnvironmentError.
// The library is not thread-safe: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"

namespace penumbra {

using Shape = std::vector<std::size_t>;

class Hdf5Reader {
 public:
  explicit Hdf5Reader(const std::filesystem::path& file);
  ~Hdf5Reader();
  Hdf5Reader(const Hdf5Reader&) = delete;
  Hdf5Reader& operator=(const Hdf5Reader&) = delete;

  bool has(const std::string& path) const;
  Shape shape(const std::string& path) const;
  std::vector<double> doubles(const std::string& path, const Shape& expected = {}) const;  // {}: any shape
  std::vector<float> floats(const std::string& path, const Shape& expected = {}) const;
  std::vector<std::int64_t> integers(const std::string& path, const Shape& expected = {}) const;
  std::vector<std::string> strings(const std::string& path) const;
  // Some rows of a dataset, in increasing order, for what is too large to read whole: [rows][the other dimensions].
  std::vector<float> float_rows(const std::string& path, const std::vector<std::int64_t>& rows) const;
  // One integer member of every element of a compound dataset.
  std::vector<std::int64_t> member_integers(const std::string& path, const std::string& member) const;
  std::string text_attribute(const std::string& path, const std::string& name) const;  // path "/" for the file
  double number_attribute(const std::string& path, const std::string& name) const;
  bool has_attribute(const std::string& path, const std::string& name) const;
  std::vector<double> numbers_attribute(const std::string& path, const std::string& name) const;
  // Every attribute of a group or dataset as text, sorted by name; what is neither one string nor one number is left
  // out.
  std::vector<std::pair<std::string, std::string>> attributes(const std::string& path) const;
  std::vector<std::string> children(const std::string& group) const;  // sorted names
  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  std::int64_t handle_ = -1;
};

class Hdf5Writer {
 public:
  explicit Hdf5Writer(const std::filesystem::path& file);
  ~Hdf5Writer();  // without commit(): removes the partial file
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  // Groups in the path are made as needed.
  void doubles(const std::string& path, const std::vector<double>& values, const Shape& shape);
  void floats(const std::string& path, const std::vector<float>& values, const Shape& shape);
  void floats(const std::string& path, const float* values, const Shape& shape);
  void integers(const std::string& path, const std::vector<std::int64_t>& values, const Shape& shape);
  void strings(const std::string& path, const std::vector<std::string>& values);
  void text_attribute(const std::string& path, const std::string& name, const std::string& value);
  void number_attribute(const std::string& path, const std::string& name, double value);
  void commit();  // flush, close, rename; throws EnvironmentError (disk full, no permission), naming the file

 private:
  AtomicFile file_;
  std::int64_t handle_ = -1;
};

}  // namespace penumbra
