#include "python/core/values.h"

#include <string>
#include <utility>

#include "python/core/text.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;

// Structs are taken apart by structured bindings: one that gains a field does not compile here
// before Python has it, too.

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
  const auto& [name, bytes, seconds] = step;
  return Making("Step").with("name", name).with("bytes", bytes).with("seconds", seconds).made();
}

nb::object row(const TensorReport& row, const nb::object& verdicts) {
  const auto& [verdict, name, first_tensor, second_tensor, first_dtype, second_dtype, shape,
               second_shape, elements, differing, first_at, first_value, second_value, hash] = row;
  return Making("TensorReport")
      .with("verdict", verdicts(text(bascule::name(verdict))))
      .with("name", name)
      .with("first_tensor", first_tensor)
      .with("second_tensor", second_tensor)
      .with("first_dtype", first_dtype)
      .with("second_dtype", second_dtype)
      .with("shape", numbers(shape))
      .with("second_shape", numbers(second_shape))
      .with("elements", elements)
      .with("differing", differing)
      .with("first_at", numbers(first_at))
      .with("first_value", first_value)
      .with("second_value", second_value)
      .with("hash", hash)
      .with("sentence", sentence(row))
      .made();
}

nb::object tensor(const StoredTensor& tensor) {
  const auto& [name, dtype, shape, bytes, chunks] = tensor;
  return Making("StoredTensor")
      .with("name", name)
      .with("dtype", dtype)
      .with("shape", numbers(shape))
      .with("bytes", bytes)
      .with("chunks", chunks)
      .made();
}

nb::object family(const FamilyInfo& family) {
  const auto& [name, architectures, models, supported, unconfirmed] = family;
  return Making("FamilyInfo")
      .with("name", name)
      .with("architectures", texts(architectures))
      .with("models", models)
      .with("supported", supported)
      .with("unconfirmed", texts(unconfirmed))
      .made();
}

nb::object dataset(const DatasetSummary& dataset) {
  const auto& [prefix, type, documents, sequences, tokens, bytes, has_modes] = dataset;
  return Making("Dataset")
      .with("prefix", prefix)
      .with("dtype", std::string(bascule::name(type)))
      .with("documents", documents)
      .with("sequences", sequences)
      .with("tokens", tokens)
      .with("bytes", bytes)
      .with("multimodal", has_modes)
      .made();
}

nb::object gpu(const cli::Gpu& gpu) {
  const auto& [name, memory] = gpu;
  return Making("Gpu").with("name", name).known("memory", memory).made();
}

}  // namespace

nb::object value(const Outcome& outcome) {
  const auto& [target, family, parameters, tensors_read, tensors_written, bytes_written, steps,
               warnings, ignored_keys, verified, report] = outcome;
  return Making("Outcome")
      .with("target", target)
      .with("family", family)
      .with("parameters", parameters)
      .with("tensors_read", tensors_read)
      .with("tensors_written", tensors_written)
      .with("bytes_written", bytes_written)
      .with("steps", tuple_of(steps, step))
      .with("warnings", texts(warnings))
      .with("ignored_keys", texts(ignored_keys))
      .with("verified", verified)
      .with("report", value(report))
      .made();
}

nb::object value(const Report& report) {
  const auto& [tensors, notes, difference, without_row, _] = report;
  const nb::object verdicts = nb::module_::import_("bascule.reports").attr("Verdict");
  return Making("Report")
      .with(
          "tensors",
          tuple_of(tensors, [&verdicts](const TensorReport& each) { return row(each, verdicts); }))
      .with("notes", texts(notes))
      .with("difference", difference)
      .with("elements", report.elements())
      .with("equal", report.equal())
      .with("without_row", without_row)
      .made();
}

nb::object value(const SelfCheck& check) {
  const auto& [has_manifest, files, tensors, problems] = check;
  return Making("SelfCheck")
      .with("has_manifest", has_manifest)
      .with("files", files)
      .with("tensors", tensors)
      .with("problems", texts(problems))
      .made();
}

nb::object value(const Inspection& seen) {
  const auto& [path, format, family, architecture, facts, parameters, bytes, files, objects,
               bytes_by_dtype, tensors, notes] = seen;
  return Making("Inspection")
      .with("path", path)
      .with("format", format)
      .with("family", family)
      .with("architecture", architecture)
      .with("facts", dict_of(facts, text))
      .with("parameters", parameters)
      .with("bytes", bytes)
      .with("files", files)
      .with("objects", objects)
      .with("bytes_by_dtype",
            dict_of(bytes_by_dtype, [](int64_t bytes) { return nb::int_(bytes); }))
      .with("tensors", tuple_of(tensors, tensor))
      .with("notes", texts(notes))
      .made();
}

nb::object value(const PlanListing& plan) {
  const auto& [family, copies, elements, lines, note] = plan;
  return Making("PlanListing")
      .with("family", family)
      .with("copies", copies)
      .with("elements", elements)
      .with("lines", texts(lines))
      .with("note", note)
      .made();
}

nb::object value(const std::vector<FamilyInfo>& families) { return tuple_of(families, family); }

nb::object value(const cli::Machine& machine) {
  const auto& [cores, cores_allowed, memory, memory_available, memory_limit, disk_path, disk_free,
               disk_size, file_system, gpus, driver, nccl, engine] = machine;
  return Making("Machine")
      .with("cores", cores)
      .with("cores_allowed", cores_allowed)
      .known("memory", memory)
      .known("memory_available", memory_available)
      .known("memory_limit", memory_limit)
      .with("disk_path", disk_path)
      .known("disk_free", disk_free)
      .known("disk_size", disk_size)
      .known("file_system", file_system)
      .with("gpus", tuple_of(gpus, gpu))
      .known("driver", driver)
      .known("nccl", nccl)
      .known("engine", engine)
      .made();
}

nb::object value(const std::vector<DatasetSummary>& datasets) {
  return tuple_of(datasets, dataset);
}

nb::object value(const cli::Tokenizing& told) {
  const auto& [inputs, tokenizer, output, json_keys, sample_by, append_eod, add_special_tokens,
               chat_template, eod_id, skip_bad_rows, overwrite, workers] = told;
  return Making("Tokenizing")
      .with("json_keys", texts(json_keys))
      .with("sample_by", sample_by)
      .with("append_eod", append_eod)
      .with("add_special_tokens", add_special_tokens)
      .with("chat_template", chat_template)
      .known("eod_id", eod_id)
      .with("skip_bad_rows", skip_bad_rows)
      .with("overwrite", overwrite)
      .with("workers", workers)
      .made();
}

}  // namespace bascule::python
