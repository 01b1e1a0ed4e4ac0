/**
 * The place of the laboratory in the front page. What is inside it in the page's text, the first picture, stands there until the
 * scripts have come; then the laboratory takes the place over. It ends with the page, so no worker outlives it.
 */
import { defineComponent, h, onMounted, onUnmounted, ref } from "vue";

export const Laboratory: ReturnType<typeof defineComponent> = defineComponent({
  name: "SkipstoneLaboratory",
  setup(_, { slots }) {
    const place = ref<HTMLElement>();
    let end: (() => void) | undefined;
    let gone = false;
    onMounted(async () => {
      const [{ mount }, { loadImages }] = await Promise.all([
        import("../../lab/main.ts"),
        import("../../lab/images.ts"),
      ]);
      // The reader may have left meanwhile.
      if (gone || !place.value) return;
      end = mount(place.value, { loadImages });
    });
    onUnmounted(() => {
      gone = true;
      end?.();
    });
    return () => h("div", { class: "laboratory" }, [h("div", { ref: place, id: "laboratory" }, slots["default"]?.())]);
  },
});
