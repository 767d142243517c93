#include "base/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "base/sha256.h"

namespace penumbra {

struct Config::Section {
  toml::table* table;  // null: missing in the file
  std::string prefix;  // "train." or "light_curve[0]."
  std::set<std::string> asked;
  std::map<std::string, std::vector<Section*>> children;
};

struct Config::Tree {
  toml::table root;
  std::string source;
  std::deque<Section> sections;
  std::map<std::string, std::string> resolved;
};

namespace {

std::string value_text(const toml::node& node) {
  if (const auto number = node.value_exact<double>()) return fmt::format("{}", *number);  // as short as possible
  std::ostringstream text;
  node.visit([&](const auto& value) { text << value; });
  return text.str();
}

// "file.toml:4", or "--set a.b=c" for a key that came from the command line.
std::string where(const std::string& source, const toml::node& node) {
  const toml::source_region& region = node.source();
  const std::string path = region.path ? *region.path : source;
  return region.begin.line > 0 && path == source ? fmt::format("{}:{}", path, region.begin.line) : path;
}

// Files from the left, the command line from the right: later keys win, tables merge.
void merge(toml::table& into, toml::table&& from) {
  for (auto&& [key, node] : from) {
    toml::node* old = into.get(key);
    if (old != nullptr && old->is_table() && node.is_table()) {
      merge(*old->as_table(), std::move(*node.as_table()));
    } else {
      into.insert_or_assign(key, std::move(node));
    }
  }
}

UserError syntax_error(const std::string& source, const toml::parse_error& error) {
  return UserError(fmt::format("{}:{}: not valid TOML: {}", source, error.source().begin.line, error.description()));
}

}  // namespace

bool Range::contains(double value) const {
  if (!std::isfinite(value)) return false;
  return open ? value > min && value < max : value >= min && value <= max;
}

std::string Range::text() const {
  const bool low = std::isfinite(min), high = std::isfinite(max);
  if (low && high) return open ? fmt::format(" in ({}, {})", min, max) : fmt::format(" in [{}, {}]", min, max);
  if (low) return fmt::format(" {} {}", open ? ">" : ">=", min);
  if (high) return fmt::format(" {} {}", open ? "<" : "<=", max);
  return "";
}

Config::Config(std::shared_ptr<Tree> tree, Section* section) : tree_(std::move(tree)), section_(section) {}

Config Config::load(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  if (!in || !(content << in.rdbuf())) {
    std::error_code ignored;
    if (!in && !std::filesystem::exists(file, ignored)) throw UserError(fmt::format("{}: no such file", file.string()));
    if (std::filesystem::is_directory(file, ignored)) {
      throw UserError(fmt::format("{}: is a folder, expected a TOML file", file.string()));
    }
    if (!in || !std::filesystem::is_empty(file, ignored))
      throw UserError(fmt::format("{}: cannot be read", file.string()));
  }
  return parse(content.str(), file.string());
}

Config Config::parse(std::string_view toml, const std::string& source) {
  auto tree = std::make_shared<Tree>();
  tree->source = source;
  try {
    tree->root = toml::parse(toml, source);
  } catch (const toml::parse_error& error) {
    throw syntax_error(source, error);
  }
  tree->sections.push_back({&tree->root, "", {}, {}});
  Section* root = &tree->sections.back();
  return {std::move(tree), root};
}

void Config::set(const std::string& assignment) {
  const std::string source = "--set " + assignment;
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UserError(fmt::format("{}: expected key=value, for instance train.batch=64", source));
  }
  if (tree_->sections.size() > 1) throw std::logic_error("Config::set after a section was handed out");
  toml::table parsed;
  try {
    parsed = toml::parse(assignment, source);
  } catch (const toml::parse_error&) {
    const auto begin = std::min(assignment.find_first_not_of(' ', equals + 1), assignment.size());
    const std::string quoted =
        fmt::format("{} = {}", assignment.substr(0, equals), value_text(toml::value(assignment.substr(begin))));
    try {
      parsed = toml::parse(quoted, source);
    } catch (const toml::parse_error& error) {
      throw UserError(fmt::format("{}: not a TOML key: {}", source, error.description()));
    }
  }
  merge(tree_->root, std::move(parsed));
}

void Config::set_text(const std::string& key, const std::string& value) {
  set(fmt::format("{}={}", key, value_text(toml::value(value))));
}

bool Config::has(const std::string& key) const {
  section_->asked.insert(key);
  return section_->table != nullptr && section_->table->contains(key);
}

bool Config::is_flag(const std::string& key) const { return has(key) && section_->table->get(key)->is_boolean(); }

UserError Config::error(const std::string& key, const std::string& what) const {
  const std::string name = section_->prefix + key;
  const toml::node* node = section_->table != nullptr ? section_->table->get(key) : nullptr;
  if (node != nullptr) {
    return UserError(fmt::format("{}: {} = {}: {}", where(tree_->source, *node), name, value_text(*node), what));
  }
  const bool table_known = section_->table != nullptr && section_->table != &tree_->root;
  return UserError(
      fmt::format("{}: {}: {}", table_known ? where(tree_->source, *section_->table) : tree_->source, name, what));
}

template <typename T>
T Config::remember(const std::string& key, T value) const {
  std::string text;
  if constexpr (std::is_same_v<T, std::string>) {
    text = value_text(toml::value(value));
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    for (const std::string& element : value) text += (text.empty() ? "" : ", ") + value_text(toml::value(element));
    text = "[" + text + "]";
  } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>> || std::is_same_v<T, std::vector<double>>) {
    text = fmt::format("[{}]", fmt::join(value, ", "));
  } else {
    text = fmt::format("{}", value);
  }
  tree_->resolved[section_->prefix + key] = text;
  return value;
}

double Config::number(const std::string& key, double fallback, const Range& range) const {
  return has(key) ? number(key, range) : remember(key, fallback);
}

double Config::number(const std::string& key, const Range& range) const {
  if (!has(key)) throw error(key, "missing; expected a number" + range.text());
  const toml::node& node = *section_->table->get(key);
  const auto value = node.value<double>();  // integers count as numbers
  if (!node.is_number() || !value || !range.contains(*value)) {
    throw error(key, "expected a finite number" + range.text());
  }
  return remember(key, *value);
}

std::int64_t Config::integer(const std::string& key, std::int64_t fallback, const Range& range) const {
  if (!has(key)) return remember(key, fallback);
  const toml::node& node = *section_->table->get(key);
  const auto value = node.value_exact<std::int64_t>();
  if (!value || !range.contains(static_cast<double>(*value))) throw error(key, "expected an integer" + range.text());
  return remember(key, *value);
}

bool Config::flag(const std::string& key, bool fallback) const {
  if (!has(key)) return remember(key, fallback);
  const auto value = section_->table->get(key)->value_exact<bool>();
  if (!value) throw error(key, "expected true or false");
  return remember(key, *value);
}

std::string Config::text(const std::string& key, const std::string& fallback) const {
  return has(key) ? text(key) : remember(key, fallback);
}

std::string Config::text(const std::string& key) const {
  if (!has(key)) throw error(key, "missing; expected a string");
  const auto value = section_->table->get(key)->value_exact<std::string>();
  if (!value || value->empty()) throw error(key, "expected a string that is not empty");
  return remember(key, *value);
}

std::string Config::choice(const std::string& key, const std::string& fallback,
                           const std::vector<std::string>& allowed) const {
  std::string value = text(key, fallback);
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  throw error(key, fmt::format("expected one of: {}", fmt::join(allowed, ", ")));
}

std::string Config::choice(const std::string& key, const std::vector<std::string>& allowed) const {
  if (!has(key)) throw error(key, fmt::format("missing; expected one of: {}", fmt::join(allowed, ", ")));
  return choice(key, "", allowed);
}

std::vector<std::int64_t> Config::integers(const std::string& key, const std::vector<std::int64_t>& fallback,
                                           const Range& range) const {
  if (!has(key)) return remember(key, fallback);
  const toml::array* array = section_->table->get_as<toml::array>(key);
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const auto value = array->get(i)->value_exact<std::int64_t>();
    if (value && range.contains(static_cast<double>(*value))) values.push_back(*value);
  }
  if (array == nullptr || array->empty() || values.size() != array->size()) {
    throw error(key, fmt::format("expected a list of integers{}", range.text()));
  }
  return remember(key, values);
}

std::vector<double> Config::numbers(const std::string& key) const {
  if (!has(key)) throw error(key, "missing; expected a number or a list of numbers");
  const toml::array* array = section_->table->get_as<toml::array>(key);
  if (array == nullptr) return {number(key)};
  std::vector<double> values;
  for (const toml::node& node : *array) {
    const auto value = node.value<double>();
    if (node.is_number() && value && std::isfinite(*value)) values.push_back(*value);
  }
  if (values.empty() || values.size() != array->size()) {
    throw error(key, "expected a finite number or a list of them");
  }
  return remember(key, values);
}

std::vector<std::string> Config::texts(const std::string& key) const {
  if (!has(key)) throw error(key, "missing; expected a string or a list of strings");
  const toml::array* array = section_->table->get_as<toml::array>(key);
  if (array == nullptr) return {text(key)};
  std::vector<std::string> values;
  for (const toml::node& node : *array) {
    const auto value = node.value_exact<std::string>();
    if (value && !value->empty()) values.push_back(*value);
  }
  if (values.empty() || values.size() != array->size()) {
    throw error(key, "expected a string or a list of strings, none of them empty");
  }
  return remember(key, values);
}

Config Config::section(const std::string& key) const {
  if (const auto known = section_->children.find(key); known != section_->children.end()) {
    return {tree_, known->second.front()};
  }
  toml::table* table = nullptr;
  if (has(key)) {
    table = section_->table->get_as<toml::table>(key);
    if (table == nullptr) throw error(key, fmt::format("expected a table, [{}{}]", section_->prefix, key));
  }
  tree_->sections.push_back({table, section_->prefix + key + ".", {}, {}});
  section_->children[key] = {&tree_->sections.back()};
  return {tree_, &tree_->sections.back()};
}

std::vector<Config> Config::sections(const std::string& key) const {
  if (has(key) && !section_->children.contains(key)) {
    toml::array* array = section_->table->get_as<toml::array>(key);
    if (array == nullptr || !array->is_array_of_tables()) {
      throw error(key, fmt::format("expected tables, [[{}{}]]", section_->prefix, key));
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      tree_->sections.push_back(
          {array->get_as<toml::table>(i), fmt::format("{}{}[{}].", section_->prefix, key, i), {}, {}});
      section_->children[key].push_back(&tree_->sections.back());
    }
  }
  std::vector<Config> out;
  if (const auto known = section_->children.find(key); known != section_->children.end()) {
    for (Section* child : known->second) out.push_back(Config(tree_, child));
  }
  return out;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> names;
  if (section_->table != nullptr) {
    for (auto&& [key, node] : *section_->table) names.emplace_back(key.str());
  }
  return names;
}

std::filesystem::path Config::file() const { return tree_->source; }

void Config::finish() const {
  const toml::node* first = nullptr;
  std::string message;
  for (const Section& section : tree_->sections) {
    if (section.table == nullptr) continue;
    for (auto&& [key, node] : *section.table) {
      if (section.asked.contains(std::string(key.str()))) continue;
      if (first != nullptr && first->source().begin.line <= key.source().begin.line) continue;
      first = &node;
      const std::string place = where(tree_->source, node);
      message = fmt::format("{}: {}{}: unknown key; allowed here: {}", place, section.prefix, key.str(),
                            fmt::join(section.asked, ", "));
    }
  }
  if (first != nullptr) throw UserError(message);
}

std::string Config::resolved() const {
  std::string text;
  for (const auto& [key, value] : tree_->resolved) text += fmt::format("{} = {}\n", key, value);
  return text;
}

std::string Config::sha256() const { return sha256_of_text(resolved()); }

}  // namespace penumbra
