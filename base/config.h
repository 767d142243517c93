// A checked TOML file. Whoever reads a key says its type, its range and its default; finish() then refuses every key
// that nobody asked for, so that a misspelt key is an error and not silence.
//
// Messages read "preset.toml:4: train.batch = -3: expected an integer >= 1".
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace penumbra {

// What numbers a key accepts. NaN and infinity are never accepted.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open = false;  // the ends themselves are not allowed
  bool contains(double value) const;
  std::string text() const;  // " > 0", " >= 1", " in [0, 1]" or nothing
};

inline constexpr Range kPositive{0.0, std::numeric_limits<double>::infinity(), true};

// One table of the file. Copies share the file and the memory of what was asked for.
class Config {
 public:
  static Config load(const std::filesystem::path& file);                  // UserError: missing, or not TOML
  static Config parse(std::string_view toml, const std::string& source);  // `source` is what messages call the text

  // "train.batch=64", as --set gives it. The value is TOML; what is not is taken as a string.
  void set(const std::string& assignment);
  void set_text(const std::string& key, const std::string& value);  // a string whatever it looks like

  bool has(const std::string& key) const;      // counts as asking for it
  bool is_flag(const std::string& key) const;  // there, and true or false

  // With a default: the key may be missing. Without: UserError when it is.
  double number(const std::string& key, double fallback, const Range& range = {}) const;
  double number(const std::string& key, const Range& range = {}) const;
  std::int64_t integer(const std::string& key, std::int64_t fallback, const Range& range = {}) const;
  bool flag(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  std::string text(const std::string& key) const;
  std::string choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& allowed) const;
  std::string choice(const std::string& key, const std::vector<std::string>& allowed) const;
  std::vector<std::int64_t> integers(const std::string& key, const std::vector<std::int64_t>& fallback,
                                     const Range& range = {}) const;
  std::vector<double> numbers(const std::string& key) const;     // one, or a list of them
  std::vector<std::string> texts(const std::string& key) const;  // the same

  Config section(const std::string& key) const;                // [key]; an empty table when missing
  std::vector<Config> sections(const std::string& key) const;  // [[key]]; none when missing
  std::vector<std::string> keys() const;                       // of this table, in alphabetical order

  // An error about a key of this table: "<where>: <key> = <value>: <what>".
  UserError error(const std::string& key, const std::string& what) const;
  std::filesystem::path file() const;

  // UserError for the first key of the whole file that nobody asked for, naming those that were.
  void finish() const;

  // Every key that was asked for with the value in force, one "key = value" a line, sorted; and its SHA-256.
  std::string resolved() const;
  std::string sha256() const;

 private:
  struct Tree;
  struct Section;
  Config(std::shared_ptr<Tree> tree, Section* section);
  template <typename T>
  T remember(const std::string& key, T value) const;

  std::shared_ptr<Tree> tree_;
  Section* section_;
};

}  // namespace penumbra
