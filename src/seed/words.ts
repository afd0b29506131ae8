/** Real words in several languages, and sentence patterns that put them together. `{n}` noun, `{v}` verb, `{a}` adjective. */
export interface Vocabulary {
  language: string
  /** Share of all statuses, in percent. */
  percent: number
  nouns: readonly string[]
  verbs: readonly string[]
  adjectives: readonly string[]
  patterns: readonly string[]
}

const list = (words: string) => words.split(' ')

export const VOCABULARIES: readonly Vocabulary[] = [
  {
    language: 'en',
    percent: 52,
    nouns: list(
      'tide heron notebook bicycle kettle harbour garden lantern compiler server neighbour orchestra river library train coffee mushroom telescope map sandwich bridge radio photograph winter meadow keyboard lighthouse otter poem market',
    ),
    verbs: list(
      'found painted repaired lost watched wrote carried followed baked measured borrowed sketched heard crossed',
    ),
    adjectives: list(
      'quiet bright stubborn late frozen gentle strange plain crowded distant green curious patient wooden',
    ),
    patterns: [
      'This morning I {v} a {a} {n} near the {n}.',
      'Does anyone know where to get a {a} {n} on a Sunday?',
      'The {n} was {a}, the {n} even more so.',
      'We {v} the {n} and then the {a} {n}. No regrets.',
      'Three days of rain, one {a} {n}, and finally some {n}.',
      'Reminder to myself: never leave the {n} next to the {n}.',
      'I have {v} this {n} twice now and it is still {a}.',
    ],
  },
  {
    language: 'de',
    percent: 14,
    nouns: list(
      'Strandläufer Fahrrad Küche Bahnhof Bibliothek Regenschirm Brücke Garten Kaffee Fenster Nachbarin Straße Schraubenzieher Wolke Hafen Zeitung Kartoffel Leuchtturm Geschichte Werkstatt',
    ),
    verbs: list('gefunden gebaut repariert vergessen gezeichnet gehört gekauft verloren gemessen verliehen'),
    adjectives: list('leise schön uralt neugierig hell müde seltsam grün ehrlich winzig'),
    patterns: [
      'Heute habe ich {n} und {n} {v}, beides war {a}.',
      'Weiß jemand, warum meine {n} so {a} ist?',
      'Das Wetter ist {a}, also zurück zu {n} und {n}.',
      'Endlich {v}: die Sache mit {n} war doch nicht so {a}.',
      'Kleine Freude am Abend: {n}, {n} und alles ganz {a}.',
    ],
  },
  {
    language: 'fr',
    percent: 9,
    nouns: list(
      'rivière boulangerie vélo fenêtre bibliothèque jardin oiseau marché lumière montagne voisine gare café chanson forêt carnet pluie cuisine',
    ),
    verbs: list('trouvé perdu réparé dessiné entendu acheté oublié écrit regardé mesuré'),
    adjectives: list('tranquille étrange lumineuse ancienne fragile légère verte honnête minuscule'),
    patterns: [
      "Ce matin j'ai {v} une {n} {a} près de la {n}.",
      'Quelqu’un sait pourquoi la {n} est si {a} ?',
      "J'ai enfin {v} la {n}, elle était {a}.",
      'Une {n}, une {n}, et la journée devient {a}.',
    ],
  },
  {
    language: 'es',
    percent: 9,
    nouns: list(
      'playa bicicleta ventana biblioteca cocina montaña estación guitarra lluvia calle canción huerta vecina luz carta ciudad mañana',
    ),
    verbs: list('encontrado perdido arreglado dibujado escuchado comprado olvidado escrito medido'),
    adjectives: list('tranquila extraña antigua ligera verde pequeña curiosa enorme dulce'),
    patterns: [
      'Hoy he {v} una {n} {a} cerca de la {n}.',
      '¿Alguien sabe por qué la {n} está tan {a}?',
      'La {n} era {a}, pero la {n} todavía más.',
      'Por fin he {v} la {n}. Mañana, la {n}.',
    ],
  },
  {
    language: 'pt',
    percent: 4,
    nouns: list(
      'praia bicicleta janela cozinha montanha estação canção chuva rua vizinha luz carta cidade manhã padaria',
    ),
    verbs: list('encontrei perdi consertei desenhei ouvi comprei esqueci escrevi'),
    adjectives: list('tranquila estranha antiga leve verde pequena curiosa enorme'),
    patterns: [
      'Hoje {v} uma {n} {a} perto da {n}.',
      'Alguém sabe por que a {n} está tão {a}?',
      'Ontem {v} a {n}; não foi {a}.',
    ],
  },
  {
    language: 'ja',
    percent: 8,
    nouns: list('海 自転車 図書館 台所 駅 公園 雨 窓 手紙 写真 猫 本 灯台 珈琲 山 川'),
    verbs: list('見つけました 忘れました 直しました 描きました 聞きました 買いました'),
    adjectives: list('静かな 不思議な 小さな 古い 明るい やさしい'),
    patterns: [
      '今日は{a}{n}を{v}。',
      '{n}の近くで{a}{n}を{v}。',
      '誰か{a}{n}のことを知っていますか？',
      '朝の{n}と夜の{n}、どちらも{a}時間でした。',
    ],
  },
  {
    language: 'uk',
    percent: 2,
    nouns: list('річка вулиця бібліотека пташка гора лампа пісня кав’ярня дорога книга хмара'),
    verbs: list('знайшла загубила намалювала почула купила забула'),
    adjectives: list('тиха дивна стара зелена маленька світла'),
    patterns: [
      'Сьогодні я {v} щось, схоже на {n}: {a} річ.',
      'Чому {n} така {a}?',
      'Одна {n}, друга {n}, і день минув.',
    ],
  },
  {
    language: 'ar',
    percent: 2,
    nouns: list('البحر المكتبة الطريق الحديقة القهوة النافذة المدينة الجبل القمر الكتاب'),
    verbs: list('رأيت كتبت رسمت سمعت اشتريت نسيت'),
    adjectives: list('هادئ غريب قديم جميل صغير بعيد'),
    patterns: ['اليوم {v} شيئا عن {n}، وكان {a}.', 'هل يعرف أحد لماذا {n} {a} هكذا؟', '{n} و{n}، ثم مساء {a}.'],
  },
]

export const HASHTAGS: readonly string[] = list(
  'birds gardening cycling typescript photography bookstodon tea weather trains selfhosting music astronomy cooking poetry postgres Berlin 写真 Lyon jardín küche opensource woodworking tides mornings',
)

export const SPOILERS: readonly string[] = ['food', 'long', 'politics', 'film ending', 'eye contact']

export const GIVEN_NAMES: readonly string[] = list(
  'ada amir anouk bela björn carla chen dana diego ekin elif emeka farah finn gita hana hugo ines ivo jana joão kaya kenji lena liam lucía mara mateo mei nadia nils noor olga omar paula petra quinn rafa rosa sami sofia tariq tessa uma viktor wanda xenia yara yusuf zoe',
)

export const FAMILY_NAMES: readonly string[] = list(
  'abbott almeida bauer berg castro cohen dubois eriksen farouk fischer garcia haddad hoffmann ito jansen kaur kovacs larsen lopez mendes meyer moreau nakamura novak okafor olsen park petrov quist rossi sato schmidt silva tanaka ueda vargas weber yilmaz zhang ziegler',
)
