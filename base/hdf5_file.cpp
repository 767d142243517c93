#include "base/hdf5_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace penumbra {
namespace {

// Closes an HDF5 identifier when it leaves scope.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }  // NOLINT: used wherever the C library takes an identifier
  bool valid() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// The library prints its whole error stack by default; our messages replace it. At exit it would flush once more what a
// full disk has just refused, and crash: every file is closed by its owner, so it need not.
void silence_library() {
  static const herr_t no_exit_handler = H5dont_atexit();
  static_cast<void>(no_exit_handler);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

// The innermost reason on the library's error stack, for instance "No space left on device".
std::string library_reason() {
  std::string reason;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned n, const H5E_error2_t* error, void* out) -> herr_t {
        if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &reason);
  const std::string marker = "error message = '";
  if (const auto start = reason.find(marker); start != std::string::npos) {
    const auto begin = start + marker.size();
    return reason.substr(begin, reason.find('\'', begin) - begin);
  }
  return reason.empty() ? "unknown reason" : reason;
}

// H5Lexists looks at one link only and fails when a parent is missing, so every prefix is asked in turn.
bool path_exists(hid_t file, const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (H5Lexists(file, path.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return path == "/" || H5Lexists(file, path.c_str(), H5P_DEFAULT) > 0;
}

Shape space_shape(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  std::vector<hsize_t> dims(static_cast<std::size_t>(std::max(rank, 0)));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  return Shape(dims.begin(), dims.end());
}

std::size_t element_count(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

std::string shape_text(const Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

std::string_view class_text(H5T_class_t type_class) {
  switch (type_class) {
    case H5T_INTEGER:
      return "integers";
    case H5T_FLOAT:
      return "floating-point numbers";
    case H5T_STRING:
      return "strings";
    default:
      return "another type";
  }
}

Handle open_dataset(hid_t file, const std::filesystem::path& name, const std::string& path) {
  if (!path_exists(file, path)) throw UserError(fmt::format("{}: no dataset '{}'", name.string(), path));
  const hid_t id = H5Dopen2(file, path.c_str(), H5P_DEFAULT);
  if (id < 0) throw UserError(fmt::format("{}: '{}' is not a dataset", name.string(), path));
  return {id, H5Dclose};
}

void require_numbers(hid_t type, const std::filesystem::path& name, const std::string& path, bool integers_only) {
  const H5T_class_t type_class = H5Tget_class(type);
  if (type_class == H5T_INTEGER || (type_class == H5T_FLOAT && !integers_only)) return;
  throw UserError(fmt::format("{}: dataset '{}' holds {}, expected {}", name.string(), path, class_text(type_class),
                              integers_only ? "integers" : "numbers"));
}

template <typename T>
std::vector<T> read_numbers(hid_t file, const std::filesystem::path& name, const std::string& path,
                            const Shape& expected, hid_t memory_type, bool integers_only) {
  const Handle dataset = open_dataset(file, name, path);
  const Handle type(H5Dget_type(dataset), H5Tclose);
  require_numbers(type, name, path, integers_only);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const Shape found = space_shape(space);
  if (!expected.empty() && found != expected) {
    throw UserError(fmt::format("{}: dataset '{}' has shape {}, expected {}", name.string(), path, shape_text(found),
                                shape_text(expected)));
  }
  std::vector<T> values(element_count(found));
  if (!values.empty() && H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    throw UserError(
        fmt::format("{}: dataset '{}' cannot be read (truncated file?): {}", name.string(), path, library_reason()));
  }
  return values;
}

// Strings of fixed or variable length from a dataset or an attribute, through the reader that knows which.
template <typename Read>
bool read_strings(hid_t type, hid_t space, std::vector<std::string>& out, Read read) {
  const std::size_t count = static_cast<std::size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
  out.clear();
  if (count == 0) return true;
  const Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_cset(memory, H5Tget_cset(type));
  if (H5Tis_variable_str(type) > 0) {
    H5Tset_size(memory, H5T_VARIABLE);
    std::vector<char*> pointers(count, nullptr);
    if (read(memory, pointers.data()) < 0) return false;
    for (const char* text : pointers) out.emplace_back(text == nullptr ? "" : text);
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, pointers.data());
    return true;
  }
  const std::size_t width = H5Tget_size(type) + 1;  // one more for the terminator of a full-width string
  H5Tset_size(memory, width);
  std::vector<char> buffer(count * width, '\0');
  if (read(memory, buffer.data()) < 0) return false;
  for (std::size_t i = 0; i < count; ++i) out.emplace_back(buffer.data() + i * width);
  return true;
}

Handle open_attribute(hid_t file, const std::filesystem::path& name, const std::string& path,
                      const std::string& attribute) {
  if (!path_exists(file, path) || H5Aexists_by_name(file, path.c_str(), attribute.c_str(), H5P_DEFAULT) <= 0) {
    throw UserError(fmt::format("{}: no attribute '{}' on '{}'", name.string(), attribute, path));
  }
  return {H5Aopen_by_name(file, path.c_str(), attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose};
}

Handle make_space(const Shape& shape) {
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  return {dims.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
          H5Sclose};
}

Handle make_string_type() {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return {type, H5Tclose};
}

[[noreturn]] void throw_write_failed(const std::filesystem::path& file, const std::string& what) {
  throw EnvironmentError(fmt::format("{}: cannot write {}: {}", file.string(), what, library_reason()));
}

void write_dataset(hid_t file, const std::filesystem::path& name, const std::string& path, const Shape& shape,
                   hid_t type, const void* values) {
  const Handle space = make_space(shape);
  const Handle creation(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(creation, 1);
  const Handle storage(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(storage, false);  // the same content makes the same bytes
  const Handle dataset(H5Dcreate2(file, path.c_str(), type, space, creation, storage, H5P_DEFAULT), H5Dclose);
  if (!dataset.valid()) throw_write_failed(name, "dataset '" + path + "'");
  if (element_count(shape) > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
    throw_write_failed(name, "dataset '" + path + "'");
  }
}

void require_count(const std::filesystem::path& name, const std::string& path, std::size_t count, const Shape& shape) {
  if (count != element_count(shape)) {
    throw std::logic_error(
        fmt::format("{}: dataset '{}': {} values for shape {}", name.string(), path, count, shape_text(shape)));
  }
}

void write_attribute(hid_t file, const std::filesystem::path& name, const std::string& path,
                     const std::string& attribute, hid_t type, const void* value) {
  const std::string what = fmt::format("attribute '{}' of '{}'", attribute, path);
  if (!path_exists(file, path)) {
    const Handle creation(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(creation, 1);
    const Handle group(H5Gcreate2(file, path.c_str(), creation, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
    if (!group.valid()) throw_write_failed(name, what);
  }
  if (H5Aexists_by_name(file, path.c_str(), attribute.c_str(), H5P_DEFAULT) > 0) {
    H5Adelete_by_name(file, path.c_str(), attribute.c_str(), H5P_DEFAULT);
  }
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle created(
      H5Acreate_by_name(file, path.c_str(), attribute.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  if (!created.valid() || H5Awrite(created, type, value) < 0) throw_write_failed(name, what);
}

}  // namespace

Hdf5Reader::Hdf5Reader(const std::filesystem::path& file) : file_(file) {
  silence_library();
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) throw UserError(fmt::format("{}: no such file", file.string()));
  if (std::filesystem::is_directory(status)) {
    throw UserError(fmt::format("{}: is a folder, expected an HDF5 file", file.string()));
  }
  handle_ = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (handle_ < 0) {
    const std::string reason = library_reason();
    throw UserError(
        fmt::format("{}: not a readable HDF5 file (another format, or truncated): {}", file.string(), reason));
  }
}

Hdf5Reader::~Hdf5Reader() {
  if (handle_ >= 0) H5Fclose(handle_);
}

bool Hdf5Reader::has(const std::string& path) const { return path_exists(handle_, path); }

Shape Hdf5Reader::shape(const std::string& path) const {
  const Handle dataset = open_dataset(handle_, file_, path);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  return space_shape(space);
}

std::vector<double> Hdf5Reader::doubles(const std::string& path, const Shape& expected) const {
  return read_numbers<double>(handle_, file_, path, expected, H5T_NATIVE_DOUBLE, false);
}

std::vector<float> Hdf5Reader::floats(const std::string& path, const Shape& expected) const {
  return read_numbers<float>(handle_, file_, path, expected, H5T_NATIVE_FLOAT, false);
}

std::vector<std::int64_t> Hdf5Reader::integers(const std::string& path, const Shape& expected) const {
  return read_numbers<std::int64_t>(handle_, file_, path, expected, H5T_NATIVE_INT64, true);
}

std::vector<std::string> Hdf5Reader::strings(const std::string& path) const {
  const Handle dataset = open_dataset(handle_, file_, path);
  const Handle type(H5Dget_type(dataset), H5Tclose);
  if (H5Tget_class(type) != H5T_STRING) {
    throw UserError(fmt::format("{}: dataset '{}' holds {}, expected strings", file_.string(), path,
                                class_text(H5Tget_class(type))));
  }
  const Handle space(H5Dget_space(dataset), H5Sclose);
  std::vector<std::string> values;
  if (!read_strings(type, space, values, [&](hid_t memory, void* buffer) {
        return H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
      })) {
    throw UserError(fmt::format("{}: dataset '{}' cannot be read (truncated file?)", file_.string(), path));
  }
  return values;
}

std::vector<float> Hdf5Reader::float_rows(const std::string& path, const std::vector<std::int64_t>& rows) const {
  {
    const Handle dataset = open_dataset(handle_, file_, path);
    const Handle type(H5Dget_type(dataset), H5Tclose);
    require_numbers(type, file_, path, false);
  }
  // Compressed chunks are unpacked whole; neighbouring rows find theirs in this cache.
  const Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  H5Pset_chunk_cache(access, 521, std::size_t{64} << 20, 1.0);
  const Handle dataset(H5Dopen2(handle_, path.c_str(), access), H5Dclose);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const Shape shape = space_shape(space);
  if (shape.empty()) throw UserError(fmt::format("{}: dataset '{}' is one number", file_.string(), path));
  const std::size_t width = element_count(Shape(shape.begin() + 1, shape.end()));
  std::vector<hsize_t> start(shape.size(), 0), count(shape.begin(), shape.end());
  count.front() = 1;
  const Handle memory = make_space({width});
  std::vector<float> values(rows.size() * width);
  for (std::size_t i = 0; i < rows.size() && width > 0; ++i) {
    start.front() = static_cast<hsize_t>(rows[i]);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) < 0 ||
        H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, values.data() + i * width) < 0) {
      throw UserError(
          fmt::format("{}: dataset '{}' cannot be read (truncated file?): {}", file_.string(), path, library_reason()));
    }
  }
  return values;
}

std::vector<std::int64_t> Hdf5Reader::member_integers(const std::string& path, const std::string& member) const {
  const Handle dataset = open_dataset(handle_, file_, path);
  const Handle type(H5Dget_type(dataset), H5Tclose);
  const int index = H5Tget_class(type) == H5T_COMPOUND ? H5Tget_member_index(type, member.c_str()) : -1;
  if (index < 0) throw UserError(fmt::format("{}: dataset '{}' has no member '{}'", file_.string(), path, member));
  if (const H5T_class_t found = H5Tget_member_class(type, static_cast<unsigned>(index)); found != H5T_INTEGER) {
    throw UserError(fmt::format("{}: member '{}' of dataset '{}' holds {}, expected integers", file_.string(), member,
                                path, class_text(found)));
  }
  const Handle wanted(H5Tcreate(H5T_COMPOUND, sizeof(std::int64_t)), H5Tclose);
  H5Tinsert(wanted, member.c_str(), 0, H5T_NATIVE_INT64);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  std::vector<std::int64_t> values(element_count(space_shape(space)));
  if (!values.empty() && H5Dread(dataset, wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    throw UserError(
        fmt::format("{}: dataset '{}' cannot be read (truncated file?): {}", file_.string(), path, library_reason()));
  }
  return values;
}

std::string Hdf5Reader::text_attribute(const std::string& path, const std::string& name) const {
  const Handle attribute = open_attribute(handle_, file_, path, name);
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  std::vector<std::string> values;
  if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1 ||
      !read_strings(type, space, values,
                    [&](hid_t memory, void* buffer) { return H5Aread(attribute, memory, buffer); })) {
    throw UserError(fmt::format("{}: attribute '{}' of '{}' is not one string", file_.string(), name, path));
  }
  return values.front();
}

bool Hdf5Reader::has_attribute(const std::string& path, const std::string& name) const {
  return path_exists(handle_, path) && H5Aexists_by_name(handle_, path.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

double Hdf5Reader::number_attribute(const std::string& path, const std::string& name) const {
  const std::vector<double> values = numbers_attribute(path, name);
  if (values.size() != 1) {
    throw UserError(fmt::format("{}: attribute '{}' of '{}' is not one number", file_.string(), name, path));
  }
  return values.front();
}

std::vector<double> Hdf5Reader::numbers_attribute(const std::string& path, const std::string& name) const {
  const Handle attribute = open_attribute(handle_, file_, path, name);
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  const H5T_class_t type_class = H5Tget_class(type);
  std::vector<double> values(element_count(space_shape(space)));
  if ((type_class != H5T_FLOAT && type_class != H5T_INTEGER) || values.empty() ||
      H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data()) < 0) {
    throw UserError(fmt::format("{}: attribute '{}' of '{}' is not made of numbers", file_.string(), name, path));
  }
  return values;
}

std::vector<std::pair<std::string, std::string>> Hdf5Reader::attributes(const std::string& path) const {
  const Handle object(path_exists(handle_, path) ? H5Oopen(handle_, path.c_str(), H5P_DEFAULT) : -1, H5Oclose);
  if (!object.valid()) throw UserError(fmt::format("{}: no group or dataset '{}'", file_.string(), path));
  std::vector<std::string> names;
  H5Aiterate2(
      object, H5_INDEX_NAME, H5_ITER_INC, nullptr,
      [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
      },
      &names);
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& name : names) {
    const Handle attribute = open_attribute(handle_, file_, path, name);
    const Handle type(H5Aget_type(attribute), H5Tclose);
    const Handle space(H5Aget_space(attribute), H5Sclose);
    if (H5Sget_simple_extent_npoints(space) != 1) continue;
    const H5T_class_t type_class = H5Tget_class(type);
    if (type_class == H5T_STRING) out.emplace_back(name, text_attribute(path, name));
    if (type_class == H5T_FLOAT || type_class == H5T_INTEGER) {
      out.emplace_back(name, fmt::format("{}", number_attribute(path, name)));
    }
  }
  return out;
}

std::vector<std::string> Hdf5Reader::children(const std::string& group) const {
  if (!path_exists(handle_, group)) throw UserError(fmt::format("{}: no group '{}'", file_.string(), group));
  const Handle opened(H5Gopen2(handle_, group.c_str(), H5P_DEFAULT), H5Gclose);
  if (!opened.valid()) throw UserError(fmt::format("{}: '{}' is not a group", file_.string(), group));
  std::vector<std::string> names;
  H5Literate(
      opened, H5_INDEX_NAME, H5_ITER_INC, nullptr,
      [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
      },
      &names);
  std::sort(names.begin(), names.end());
  return names;
}

Hdf5Writer::Hdf5Writer(const std::filesystem::path& file) : file_(file) {
  silence_library();
  handle_ = H5Fcreate(file_.partial().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (handle_ < 0) {
    throw UserError(fmt::format("{}: cannot create the file: {}; choose an existing folder that you may write to",
                                file.string(), library_reason()));
  }
}

Hdf5Writer::~Hdf5Writer() {
  if (handle_ >= 0) H5Fclose(handle_);
}

void Hdf5Writer::doubles(const std::string& path, const std::vector<double>& values, const Shape& shape) {
  require_count(file_.file(), path, values.size(), shape);
  write_dataset(handle_, file_.file(), path, shape, H5T_NATIVE_DOUBLE, values.data());
}

void Hdf5Writer::floats(const std::string& path, const std::vector<float>& values, const Shape& shape) {
  require_count(file_.file(), path, values.size(), shape);
  floats(path, values.data(), shape);
}

void Hdf5Writer::floats(const std::string& path, const float* values, const Shape& shape) {
  write_dataset(handle_, file_.file(), path, shape, H5T_NATIVE_FLOAT, values);
}

void Hdf5Writer::integers(const std::string& path, const std::vector<std::int64_t>& values, const Shape& shape) {
  require_count(file_.file(), path, values.size(), shape);
  write_dataset(handle_, file_.file(), path, shape, H5T_NATIVE_INT64, values.data());
}

void Hdf5Writer::strings(const std::string& path, const std::vector<std::string>& values) {
  std::vector<const char*> pointers(values.size());
  std::transform(values.begin(), values.end(), pointers.begin(), [](const std::string& s) { return s.c_str(); });
  write_dataset(handle_, file_.file(), path, {values.size()}, make_string_type(), pointers.data());
}

void Hdf5Writer::text_attribute(const std::string& path, const std::string& name, const std::string& value) {
  const char* pointer = value.c_str();
  write_attribute(handle_, file_.file(), path, name, make_string_type(), &pointer);
}

void Hdf5Writer::number_attribute(const std::string& path, const std::string& name, double value) {
  write_attribute(handle_, file_.file(), path, name, H5T_NATIVE_DOUBLE, &value);
}

void Hdf5Writer::commit() {
  if (handle_ < 0) throw std::logic_error(fmt::format("{}: committed twice", file_.file().string()));
  if (H5Fflush(handle_, H5F_SCOPE_GLOBAL) < 0) throw_write_failed(file_.file(), "the file");
  if (H5Fclose(std::exchange(handle_, -1)) < 0) throw_write_failed(file_.file(), "the file");
  file_.commit();
}

}  // namespace penumbra
