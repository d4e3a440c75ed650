package dev.narrow.quant.files;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.ShardIndex.Place;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A checkpoint in several .safetensors files beside a {@code model.safetensors.index.json}, which
 * tells of each tensor in which of them it lies (Hugging Face transformers). When it is opened, all
 * files are mapped and their headers checked, and each tensor has to be where the index has it.
 */
public final class ShardedSafetensors implements TensorFile {
  private final Path file;
  private final Map<String, String> metadata;
  private final Map<String, SafetensorsFile> shards = new TreeMap<>();
  private final Map<String, SafetensorsFile> shardOf = new HashMap<>();
  private final List<TensorInfo> tensors;

  private ShardedSafetensors(Path file) {
    this.file = file;
    ShardIndex index = ShardIndex.read(file);
    metadata = index.metadata();
    List<TensorInfo> found = new ArrayList<>();
    try {
      for (String name :
          new TreeSet<>(index.places().values().stream().map(Place::shard).toList())) {
        SafetensorsFile shard = SafetensorsFile.open(file.resolveSibling(name));
        shards.put(name, shard);
        for (TensorInfo tensor : shard.tensors()) {
          requireIndexed(index, name, tensor.name());
          shardOf.put(tensor.name(), shard);
          found.add(tensor);
        }
      }
      requireAll(index);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
    tensors = List.copyOf(found);
  }

  private void requireIndexed(ShardIndex index, String shard, String tensor) {
    Place place = index.places().get(tensor);
    if (place == null) {
      throw new TensorFileException(
          file,
          "weight_map does not have '"
              + JsonCursor.shown(tensor)
              + "', which is in "
              + shard
              + Requests.nearest(tensor, index.places().keySet()));
    }
    if (!place.shard().equals(shard)) {
      throw wrong(tensor, place, "is " + place.shard() + ", expected " + shard + ", where it is");
    }
  }

  private void requireAll(ShardIndex index) {
    index
        .places()
        .forEach((tensor, place) -> {
          if (!shardOf.containsKey(tensor)) {
            throw wrong(
                tensor,
                place,
                "is "
                    + place.shard()
                    + ", which does not have it"
                    + Requests.nearest(tensor, shardOf.keySet()));
          }
        });
  }

  private TensorFileException wrong(String tensor, Place place, String problem) {
    String field = "weight_map of '" + JsonCursor.shown(tensor) + "'";
    return new TensorFileException(file, field, place.saidAt(), problem);
  }

  /**
   * Opens an index and all files that it names.
   *
   * @param index the .index.json; its .safetensors files lie beside it
   * @return the checkpoint, to be closed
   * @throws TensorFileException if a file is not there, anything is wrong with one, or the index
   *     and the files do not agree on which tensors there are and where
   */
  public static ShardedSafetensors open(Path index) {
    return new ShardedSafetensors(index);
  }

  @Override
  public Path path() {
    return file;
  }

  /** The tensors by the name of their file, and in the order in which they lie there. */
  @Override
  public List<TensorInfo> tensors() {
    return tensors;
  }

  /** What the index says under {@code metadata}; not what the single files say. */
  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public MemorySegment bytes(String name) {
    return shard(name).bytes(name);
  }

  @Override
  public void read(String name, long from, float[] dst) {
    shard(name).read(name, from, dst);
  }

  @Override
  public Tensor tensor(String name) {
    return shard(name).tensor(name);
  }

  private SafetensorsFile shard(String name) {
    SafetensorsFile shard = shardOf.get(name);
    if (shard == null) {
      throw Requests.unknown(file, name, shardOf.keySet());
    }
    return shard;
  }

  @Override
  public void close() {
    shards.values().forEach(SafetensorsFile::close);
  }
}
