package dev.narrow.quant.files;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A {@code model.safetensors.index.json}: in which file each tensor lies.
 *
 * @param places by the name of the tensor
 * @param metadata what else it says, as text; what has parts is left out
 */
record ShardIndex(Map<String, Place> places, Map<String, String> metadata) {
  /** Each shard is a mapping of memory, of which Linux gives a process 65530. */
  private static final int MAX_SHARDS = 4096;

  private static final String SUFFIX = ".safetensors";

  /**
   * Where a tensor lies.
   *
   * @param shard name of a file beside the index
   * @param saidAt where in the index this stands
   */
  record Place(String shard, long saidAt) {}

  /**
   * Reads an index.
   *
   * @throws TensorFileException if it cannot be read or is none
   */
  static ShardIndex read(Path file) {
    byte[] json;
    try (FileChannel channel = RegularFile.open(file)) {
      if (channel.size() > JsonCursor.MAX_BYTES) {
        throw new TensorFileException(
            file, "has " + channel.size() + " bytes, expected at most " + JsonCursor.MAX_BYTES);
      }
      json = Channels.newInputStream(channel).readNBytes((int) channel.size());
    } catch (IOException e) {
      throw RegularFile.unreadable(file, e);
    }
    return JsonCursor.read(file, json, 0, ShardIndex::parse);
  }

  private static ShardIndex parse(JsonCursor json) {
    Map<String, String> metadata = null;
    Map<String, Place> places = null;
    for (String key; (key = json.nextName()) != null; ) {
      switch (key) {
        case "metadata" -> {
          json.requireFirst(metadata);
          metadata = metadata(json);
        }
        case "weight_map" -> {
          json.requireFirst(places);
          places = places(json);
        }
        default -> json.skip();
      }
    }
    if (places == null) {
      throw json.wrong("index", "has no weight_map");
    }
    return new ShardIndex(places, metadata == null ? Map.of() : metadata);
  }

  private static Map<String, String> metadata(JsonCursor json) {
    Map<String, String> texts = new LinkedHashMap<>();
    json.open("metadata");
    for (String key; (key = json.nextName()) != null; ) {
      json.requireFirst(texts.get(key));
      String text = json.scalar("metadata");
      if (text != null) {
        texts.put(key, text);
      }
    }
    return Collections.unmodifiableMap(texts);
  }

  private static Map<String, Place> places(JsonCursor json) {
    Map<String, Place> places = new LinkedHashMap<>();
    Map<String, String> shards = new HashMap<>(); // each name once, however many tensors it has
    json.open("weight_map");
    for (String tensor; (tensor = json.nextName()) != null; ) {
      json.requireFirst(places.get(tensor));
      json.about(tensor);
      String shard = json.text("weight_map");
      if (!shards.containsKey(shard)) {
        requireBeside(json, shard);
        if (shards.size() == MAX_SHARDS) {
          throw json.wrong("weight_map", "names more than " + MAX_SHARDS + " files");
        }
        shards.put(shard, shard);
      }
      places.put(tensor, new Place(shards.getOrDefault(shard, shard), json.offset()));
      json.about(null);
    }
    return places;
  }

  /** A stranger's index does not make us look into files elsewhere. */
  private static void requireBeside(JsonCursor json, String shard) {
    boolean plain = shard.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ');
    if (!plain || !shard.endsWith(SUFFIX) || shard.startsWith(".")) {
      throw json.wrong(
          "weight_map",
          "is '"
              + JsonCursor.shown(shard)
              + "', expected the name of a .safetensors file beside the index, without a path");
    }
  }
}
