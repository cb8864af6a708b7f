// Runs a TorchScript file with no Python: libtorch_runner SOCKET FILE THREADS
//
// It speaks bench_core/wire.py's protocol on the open file descriptor SOCKET: once when FILE is
// loaded, and then one answer a message. Every answer is {"error": text} where it failed.
//   call     arrays: one input       → array: the output
//   hold     feeds, arrays: that many inputs, one after the other, to be timed
//   warm_up                          → median_ns of the last calls
//   block    samples, calls          → canary_ns, array: ns of each sample
//   evidence                         → what the loaded graph and the runtime say of themselves
// The timed loop is that of bench_core/worker/timing.py, rule for rule.

#include "libtorch_wire.h"

#include <ATen/Parallel.h>
#include <torch/script.h>
#include <torch/version.h>

#include <sys/prctl.h>

#include <chrono>
#include <csignal>
#include <iostream>

using Inputs = std::vector<c10::IValue>;

int64_t now_ns() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

// Time for some fixed arithmetic of about 30 µs: each step waits for the one before.
int64_t canary_ns() {
  int64_t before = now_ns();
  uint64_t total = 1;
  for (int i = 0; i < 20000; ++i) total = total * 6364136223846793005u + 1442695040888963407u;
  asm volatile("" : : "r"(total));  // or it would be left out
  return now_ns() - before;
}

double median(const int64_t* first, size_t count) {
  std::vector<int64_t> sorted(first, first + count);
  std::sort(sorted.begin(), sorted.end());
  return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2.0;
}

class Model {
 public:
  explicit Model(const std::string& path) : module_(torch::jit::load(path)) {}

  c10::IValue run(const Inputs& inputs) { return module_.forward(inputs); }

  std::vector<Inputs> held;

  double warm_up() {
    TORCH_CHECK(!held.empty(), "a contender needs at least one input");
    std::vector<int64_t> times;
    int64_t start = now_ns();
    for (size_t i = 0;; i = (i + 1) % held.size()) {
      int64_t before = now_ns();
      run(held[i]);
      int64_t now = now_ns();
      times.push_back(now - before);
      size_t n = times.size();
      if (n % 5 == 0 && n >= 10 && now - start >= 50'000'000) {
        bool settled = median(&times[n - 5], 5) > 0.98 * median(&times[n - 10], 5);
        if (settled || now - start > 5'000'000'000) return median(&times[n - 10], 10);
      }
    }
  }

  std::pair<int64_t, int64_t> block(int64_t calls, at::Tensor& taken_ns) {
    TORCH_CHECK(!held.empty(), "a contender needs at least one input");
    size_t next = 0;
    auto call = [&] {
      run(held[next]);
      next = next + 1 == held.size() ? 0 : next + 1;
    };
    int64_t start = now_ns();
    for (int i = 0; i < 100 && now_ns() - start <= 2'000'000; ++i) call();
    next = 0;
    int64_t first_canary = canary_ns();
    for (int64_t sample = 0; sample < taken_ns.numel(); ++sample) {
      if (calls > 1) next = 0;
      int64_t before = now_ns();
      for (int64_t i = 0; i < calls; ++i) call();
      taken_ns.mutable_data_ptr<int64_t>()[sample] = now_ns() - before;
    }
    return {first_canary, canary_ns()};
  }

  std::string evidence() {
    std::map<std::string, int> kinds;
    count(module_.get_method("forward").graph()->block(), kinds);
    std::ostringstream out;
    out << "{\"torch\": \"" << TORCH_VERSION << "\", \"threads\": " << at::get_num_threads()
        << ", \"interop_threads\": " << at::get_num_interop_threads()
        << ", \"parameters\": " << module_.parameters().size() << ", \"kinds\": {";
    for (auto kind = kinds.begin(); kind != kinds.end(); ++kind) {
      out << (kind == kinds.begin() ? "" : ", ") << quoted(kind->first) << ": " << kind->second;
    }
    out << "}}";
    return out.str();
  }

 private:
  torch::jit::Module module_;

  static void count(torch::jit::Block* block, std::map<std::string, int>& kinds) {
    for (torch::jit::Node* node : block->nodes()) {
      ++kinds[node->kind().toQualString()];
      for (torch::jit::Block* inner : node->blocks()) count(inner, kinds);
    }
  }
};

Inputs inputs_of(const std::vector<Array>& arrays, size_t from, size_t to) {
  Inputs found;
  for (size_t i = from; i < to; ++i) found.emplace_back(arrays.at(i).tensor());
  return found;
}

void answer(Wire& wire, Model& model, const Json& message, const std::vector<Array>& arrays) {
  const std::string& what = message["do"].text;
  if (what == "call") {
    c10::IValue output = model.run(inputs_of(arrays, 0, arrays.size()));
    TORCH_CHECK(output.isTensor(), "expected one tensor, found ", output.tagKind());
    wire.send("{}", {output.toTensor().contiguous()});
  } else if (what == "hold") {
    size_t feeds = size_t(message["feeds"].number);
    std::vector<Inputs> held;
    for (size_t i = 0; i < feeds; ++i) {
      held.push_back(inputs_of(arrays, arrays.size() * i / feeds, arrays.size() * (i + 1) / feeds));
    }
    model.held = std::move(held);
    wire.send("{}");
  } else if (what == "warm_up") {
    wire.send("{\"median_ns\": " + std::to_string(model.warm_up()) + "}");
  } else if (what == "block") {
    at::Tensor taken_ns = at::zeros({int64_t(message["samples"].number)}, at::kLong);
    auto [before, after] = model.block(int64_t(message["calls"].number), taken_ns);
    auto canaries = std::to_string(before) + ", " + std::to_string(after);
    wire.send("{\"canary_ns\": [" + canaries + "]}", {taken_ns});
  } else if (what == "evidence") {
    wire.send(model.evidence());
  } else {
    TORCH_CHECK(false, "nothing is known to do for \"", what, "\"");
  }
}

std::string problem(const std::exception& error) {
  auto* ours = dynamic_cast<const c10::Error*>(&error);
  return "{\"error\": " + quoted(ours ? ours->what_without_backtrace() : error.what()) + "}";
}

int main(int count, char** words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (count != 4) {
    std::cerr << "expected: libtorch_runner SOCKET FILE THREADS\n";
    return 2;
  }
  Wire wire(std::stoi(words[1]));
  c10::InferenceMode guard;
  std::unique_ptr<Model> model;
  try {
    at::set_num_threads(std::stoi(words[3]));
    at::set_num_interop_threads(1);
    model = std::make_unique<Model>(words[2]);
    wire.send("{}");
  } catch (const std::exception& error) {
    wire.send(problem(error));
    return 1;
  }
  Json message;
  std::vector<Array> arrays;
  while (wire.receive(message, arrays)) {
    try {
      answer(wire, *model, message, arrays);
    } catch (const std::exception& error) {
      wire.send(problem(error));
    }
  }
}
