#include "python/core/values.h"

#include <string>
#include <utility>

#include "python/core/text.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;

/// A dataclass of bascule/reports.py in the making.
class Making {
 public:
  explicit Making(const char* type) : type_(nb::module_::import_("bascule.reports").attr(type)) {}

  Making& with(const char* field, nb::object value) {
    fields_[field] = std::move(value);
    return *this;
  }
  Making& with(const char* field, int64_t value) {
    return with(field, nb::object(nb::int_(value)));
  }
  Making& with(const char* field, double value) {
    return with(field, nb::object(nb::float_(value)));
  }
  Making& with(const char* field, bool value) { return with(field, nb::object(nb::bool_(value))); }
  Making& with(const char* field, const std::string& value) {
    return with(field, nb::object(text(value)));
  }
  /// An amount or a text that may not be known: None then.
  Making& known(const char* field, int64_t value) {
    return value < 0 ? with(field, nb::object(nb::none())) : with(field, value);
  }
  Making& known(const char* field, const std::string& value) {
    return value.empty() ? with(field, nb::object(nb::none())) : with(field, value);
  }

  nb::object made() const { return type_(**fields_); }

 private:
  nb::object type_;
  nb::dict fields_;
};

template <class Items, class Make>
nb::object tuple_of(const Items& items, Make make) {
  nb::list all;
  for (const auto& item : items) all.append(make(item));
  return nb::tuple(all);
}

nb::object texts(const std::vector<std::string>& items) { return tuple_of(items, text); }

nb::object numbers(const std::vector<int64_t>& items) {
  return tuple_of(items, [](int64_t item) { return nb::int_(item); });
}

template <class Pairs, class Make>
nb::object dict_of(const Pairs& pairs, Make make) {
  nb::dict all;
  for (const auto& [key, item] : pairs) all[text(key)] = make(item);
  return all;
}

nb::object step(const Step& step) {
  return Making("Step")
      .with("name", step.name)
      .with("bytes", step.bytes)
      .with("seconds", step.seconds)
      .made();
}

nb::object row(const TensorReport& row, const nb::object& verdicts) {
  return Making("TensorReport")
      .with("verdict", verdicts(text(name(row.verdict))))
      .with("name", row.name)
      .with("first_tensor", row.first_tensor)
      .with("second_tensor", row.second_tensor)
      .with("first_dtype", row.first_dtype)
      .with("second_dtype", row.second_dtype)
      .with("shape", numbers(row.shape))
      .with("second_shape", numbers(row.second_shape))
      .with("elements", row.elements)
      .with("differing", row.differing)
      .with("first_at", numbers(row.first_at))
      .with("first_value", row.first_value)
      .with("second_value", row.second_value)
      .with("hash", row.hash)
      .with("sentence", sentence(row))
      .made();
}

nb::object tensor(const StoredTensor& tensor) {
  return Making("StoredTensor")
      .with("name", tensor.name)
      .with("dtype", tensor.dtype)
      .with("shape", numbers(tensor.shape))
      .with("bytes", tensor.bytes)
      .with("chunks", tensor.chunks)
      .made();
}

nb::object family(const FamilyInfo& family) {
  return Making("FamilyInfo")
      .with("name", family.name)
      .with("architectures", texts(family.architectures))
      .with("models", family.models)
      .with("supported", family.supported)
      .with("unconfirmed", texts(family.unconfirmed))
      .made();
}

nb::object gpu(const cli::Gpu& gpu) {
  return Making("Gpu").with("name", gpu.name).known("memory", gpu.memory).made();
}

}  // namespace

nb::object value(const Outcome& outcome) {
  return Making("Outcome")
      .with("target", outcome.target)
      .with("family", outcome.family)
      .with("parameters", outcome.parameters)
      .with("tensors_read", outcome.tensors_read)
      .with("tensors_written", outcome.tensors_written)
      .with("bytes_written", outcome.bytes_written)
      .with("steps", tuple_of(outcome.steps, step))
      .with("warnings", texts(outcome.warnings))
      .with("verified", outcome.verified)
      .with("report", value(outcome.report))
      .made();
}

nb::object value(const Report& report) {
  const nb::object verdicts = nb::module_::import_("bascule.reports").attr("Verdict");
  return Making("Report")
      .with("tensors",
            tuple_of(report.tensors,
                     [&verdicts](const TensorReport& each) { return row(each, verdicts); }))
      .with("notes", texts(report.notes))
      .with("elements", report.elements())
      .with("equal", report.equal())
      .made();
}

nb::object value(const SelfCheck& check) {
  return Making("SelfCheck")
      .with("has_manifest", check.has_manifest)
      .with("files", check.files)
      .with("tensors", check.tensors)
      .with("problems", texts(check.problems))
      .made();
}

nb::object value(const Inspection& seen) {
  return Making("Inspection")
      .with("path", seen.path)
      .with("format", seen.format)
      .with("family", seen.family)
      .with("architecture", seen.architecture)
      .with("facts", dict_of(seen.facts, text))
      .with("parameters", seen.parameters)
      .with("bytes", seen.bytes)
      .with("files", seen.files)
      .with("objects", seen.objects)
      .with("bytes_by_dtype",
            dict_of(seen.bytes_by_dtype, [](int64_t bytes) { return nb::int_(bytes); }))
      .with("tensors", tuple_of(seen.tensors, tensor))
      .with("notes", texts(seen.notes))
      .made();
}

nb::object value(const PlanListing& plan) {
  return Making("PlanListing")
      .with("family", plan.family)
      .with("copies", plan.copies)
      .with("elements", plan.elements)
      .with("lines", texts(plan.lines))
      .made();
}

nb::object value(const std::vector<FamilyInfo>& families) { return tuple_of(families, family); }

nb::object value(const cli::Machine& machine) {
  return Making("Machine")
      .with("cores", machine.cores)
      .with("cores_allowed", machine.cores_allowed)
      .known("memory", machine.memory)
      .known("memory_available", machine.memory_available)
      .known("memory_limit", machine.memory_limit)
      .with("disk_path", machine.disk_path)
      .known("disk_free", machine.disk_free)
      .known("disk_size", machine.disk_size)
      .known("file_system", machine.file_system)
      .with("gpus", tuple_of(machine.gpus, gpu))
      .known("driver", machine.driver)
      .known("nccl", machine.nccl)
      .known("engine", machine.engine)
      .made();
}

}  // namespace bascule::python
