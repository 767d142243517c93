#include "nn/captured_encode.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <string>

namespace penumbra {
namespace {

// Null where the program was built without nvcc.
RecordGraph* find_recorder() {
  const std::filesystem::path library =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libpenumbra_cuda.so";
  if (!std::filesystem::exists(library)) return nullptr;
  void* opened = dlopen(library.c_str(), RTLD_NOW);
  if (opened == nullptr) {
    fmt::print(stderr, "single systems are encoded slowly: {}\n", dlerror());
    return nullptr;
  }
  return reinterpret_cast<RecordGraph*>(dlsym(opened, "penumbra_record_graph"));
}

}  // namespace

CapturedEncode::CapturedEncode(const Network& network, const DataLayout& layout)
    : network_(network), inputs_(Inputs::empty(1, layout, at::TensorOptions(network.weights().device()))) {}

CapturedEncode::~CapturedEncode() = default;

at::Tensor CapturedEncode::operator()(const Inputs& inputs) {
  const at::NoGradGuard no_grad;
  for (std::size_t a = 0; a < inputs_.arrays.size(); ++a) inputs_.arrays[a].copy_(inputs.arrays[a]);
  if (!asked_) record();
  if (!graph_) return network_.context(inputs_);
  graph_->replay();
  return context_;
}

void CapturedEncode::record() {
  asked_ = true;
  if (network_.weights().device().is_cpu()) return;
  RecordGraph* const recorder = find_recorder();
  if (recorder == nullptr) return;
  try {
    graph_.reset(recorder([this] { context_ = network_.context(inputs_); }));
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    fmt::print(stderr, "single systems are encoded slowly: {}\n", reason.substr(0, reason.find('\n')));
  }
}

}  // namespace penumbra
