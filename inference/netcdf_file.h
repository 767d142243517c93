// A netCDF4 file in ArviZ's layout: groups of variables with named dimensions. It appears under its name when complete.
#pragma once

#include <fmt/format.h>
#include <netcdf.h>

#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"

namespace penumbra {

// One netCDF file being written. Every call is checked; what fails names the file.
class NetcdfWriter {
 public:
  explicit NetcdfWriter(const std::filesystem::path& file) : target_(file) {
    const int status = nc_create(target_.partial().c_str(), NC_NETCDF4 | NC_CLOBBER, &id_);
    if (status != NC_NOERR) {
      throw UserError(fmt::format("{}: cannot create the file: {}; choose an existing folder that you may write to",
                                  file.string(), nc_strerror(status)));
    }
    open_ = true;
  }
  ~NetcdfWriter() {
    if (open_) nc_close(id_);
  }
  NetcdfWriter(const NetcdfWriter&) = delete;
  NetcdfWriter& operator=(const NetcdfWriter&) = delete;

  void commit() {
    open_ = false;
    check(nc_close(id_));
    target_.commit();
  }
  int root() const { return id_; }
  void attribute(const std::string& name, const std::string& value) {
    check(nc_put_att_text(id_, NC_GLOBAL, name.c_str(), value.size(), value.data()));
  }
  void check(int status) const {
    if (status != NC_NOERR) {
      throw EnvironmentError(
          fmt::format("{}: cannot write the file: {}", target_.file().string(), nc_strerror(status)));
    }
  }

 private:
  AtomicFile target_;
  int id_ = -1;
  bool open_ = false;
};

// A group with its own dimensions, so that each can be opened alone.
class NetcdfGroup {
 public:
  NetcdfGroup(NetcdfWriter& writer, const char* name) : writer_(writer) {
    writer_.check(nc_def_grp(writer_.root(), name, &id_));
  }

  int dimension(const std::string& name, std::size_t length) {
    int dimension = -1;
    writer_.check(nc_def_dim(id_, name.c_str(), length, &dimension));
    return dimension;
  }

  void numbers(const std::string& name, const std::vector<int>& dimensions, const double* values,
               const std::string& unit, const std::string& description) {
    const int variable = define(name, NC_DOUBLE, dimensions);
    attribute(variable, "units", unit.empty() ? "1" : unit);
    attribute(variable, "long_name", description);
    writer_.check(nc_put_var_double(id_, variable, values));
  }

  void texts(const std::string& name, const std::vector<int>& dimensions, const std::vector<std::string>& values) {
    std::vector<const char*> pointers;
    pointers.reserve(values.size());
    for (const std::string& value : values) pointers.push_back(value.c_str());
    const int variable = define(name, NC_STRING, dimensions);
    writer_.check(nc_put_var_string(id_, variable, pointers.data()));
  }

  // A coordinate that counts 0, 1, ..., as ArviZ expects of chain and draw.
  int counter(const std::string& name, std::size_t length) {
    const int dim = dimension(name, length);
    std::vector<long long> values(length);
    std::iota(values.begin(), values.end(), 0);
    writer_.check(nc_put_var_longlong(id_, define(name, NC_INT64, {dim}), values.data()));
    return dim;
  }

  void attribute(int variable, const std::string& name, const std::string& value) {
    writer_.check(nc_put_att_text(id_, variable, name.c_str(), value.size(), value.data()));
  }

 private:
  int define(const std::string& name, nc_type type, const std::vector<int>& dimensions) {
    int variable = -1;
    writer_.check(
        nc_def_var(id_, name.c_str(), type, static_cast<int>(dimensions.size()), dimensions.data(), &variable));
    return variable;
  }

  NetcdfWriter& writer_;
  int id_ = -1;
};

}  // namespace penumbra
